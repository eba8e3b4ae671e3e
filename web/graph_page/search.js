/** Finding nodes: by label, token, layer, number, position or id. */
import {kindClass} from './details.js';
import {byId, make} from './elements.js';
import {nodeTitle, positionText} from './words.js';

const MOST_RESULTS = 30;

/**
 * Every word must fit: "L3" the layer, "#412" the feature's number, "@7" the position, anything
 * else the id, or a part of the label, of the name or of the token at the position.
 *
 * @param {import('./page_state.js').PageState} state
 * @param {string} query
 * @return {number[]} Shown nodes that fit, the most influential first.
 */
export function findNodes(state, query) {
  const {graph} = state;
  const words = query.trim().toLowerCase().split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return [];
  const found = [];
  for (let node = 0; node < graph.nNodes; ++node) {
    if (state.isShown(node) && words.every((word) => fits(state, node, word))) found.push(node);
  }
  return found.sort((a, b) => graph.influence[a] - graph.influence[b]);
}

function fits(state, node, word) {
  const {graph} = state;
  const special = /^([l#@])(\d+)$/.exec(word);
  if (special !== null) {
    const wanted = Number(special[2]);
    if (special[1] === 'l') return graph.layer[node] === wanted;
    if (special[1] === '#') return graph.index[node] === wanted;
    return graph.position[node] === wanted;
  }
  if (graph.id[node].toLowerCase() === word) return true;
  const text = `${nodeTitle(state, node)}\n${graph.tokens[graph.position[node]]}`;
  return text.toLowerCase().includes(word);
}

export class Search {
  /**
   * @param {import('./page_state.js').PageState} state
   * @param {(node: number) => void} select
   */
  constructor(state, select) {
    this.state = state;
    this.select = select;
    this.input = byId('search');
    this.list = byId('search-results');
    this.active = -1;
    /** @type {number[]} */
    this.found = [];
    this.input.addEventListener('input', () => this.run());
    this.input.addEventListener('focus', () => this.run());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.input.addEventListener('blur', () => this.close());
    state.subscribe((changed) => {
      if (changed.has('pruning') && this.input.value !== '') this.run();
    });
  }

  run() {
    this.found = findNodes(this.state, this.input.value);
    this.active = -1;
    this.state.update({found: new Set(this.found)});
    this.render();
  }

  render() {
    const {state} = this;
    const isOpen = this.input.value.trim() !== '' && document.activeElement === this.input;
    this.list.hidden = !isOpen;
    this.input.setAttribute('aria-expanded', String(isOpen));
    const items =
        this.found.slice(0, MOST_RESULTS)
            .map(
                (node, i) => make(
                    'li', {
                      id: `found-${i}`,
                      // Before the field loses the focus, which closes the list.
                      onpointerdown: (event) => {
                        event.preventDefault();
                        this.choose(i);
                      },
                      attributes: {role: 'option', 'aria-selected': String(i === this.active)},
                    },
                    make(`i.glyph.${kindClass(state.graph, node)}`),
                    make('span.name', {}, nodeTitle(state, node)),
                    make('small', {}, positionText(state.graph, state.graph.position[node]))));
    const rest = this.found.length - items.length;
    if (this.found.length === 0) items.push(make('li.hint', {}, 'no shown node fits'));
    if (rest > 0) items.push(make('li.hint', {}, `and ${rest} more`));
    this.list.replaceChildren(...items);
    if (this.active >= 0) {
      this.input.setAttribute('aria-activedescendant', `found-${this.active}`);
      this.list.children[this.active].scrollIntoView({block: 'nearest'});
    } else {
      this.input.removeAttribute('aria-activedescendant');
    }
  }

  key(event) {
    const n = Math.min(this.found.length, MOST_RESULTS);
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (n > 0) this.active = (this.active + (event.key === 'ArrowDown' ? 1 : -1) + n) % n;
      this.render();
      event.preventDefault();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (n > 0) this.choose(Math.max(0, this.active));
    } else if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      this.input.value = '';
      this.run();
      byId('overlay').focus();
    }
  }

  choose(i) {
    this.select(this.found[i]);
    byId('overlay').focus();
  }

  close() {
    this.list.hidden = true;
    this.input.setAttribute('aria-expanded', 'false');
  }
}
