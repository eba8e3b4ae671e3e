/** The pinned graph: pins and groups as boxes, with the edges between them. */
import {kindClass} from './details.js';
import {byId, make} from './elements.js';
import {dissolved, edgesBetween, freeName, pinnedItems, renamed} from './groups.js';
import {nodeTitle, number, positionText} from './words.js';

const SVG = 'http://www.w3.org/2000/svg';
const ROW_GAP = 44;
const BOX_GAP = 18;
const PADDING = 14;
const MOST_MEMBERS = 8;
const WIDEST = 9;

export class Subgraph {
  /**
   * @param {import('./page_state.js').PageState} state
   * @param {(node: number) => void} select
   */
  constructor(state, select) {
    this.state = state;
    this.select = select;
    this.section = byId('subgraph');
    /** Names of groups and ids of pins that the next group is to be made of. */
    this.marked = new Set();
    state.subscribe((changed) => {
      if (['pins', 'groups', 'labels', 'pruning', 'clicked'].some((name) => changed.has(name)))
        this.render();
    });
    new ResizeObserver(() => this.arrange()).observe(this.section);
    this.render();
  }

  /** Puts the marked boxes, or else all single pins, into one new group. */
  group() {
    const {state} = this;
    const items = pinnedItems(state);
    const chosen = this.marked.size > 0 ?
        items.filter((item) => this.marked.has(this.keyOf(item))) :
        items.filter(({group}) => group === null);
    if (chosen.length === 0) return;
    const name = freeName(state.groups);
    this.marked.clear();
    state.update(
        {groups: [...state.groups, {name, members: chosen.map((item) => this.keyOf(item))}]});
    const field = this.section.querySelector(`input[data-group="${CSS.escape(name)}"]`);
    field?.focus();
    field?.select();
  }

  keyOf({group, nodes}) {
    return group === null ? this.state.graph.id[nodes[0]] : group.name;
  }

  render() {
    const items = pinnedItems(this.state);
    this.section.hidden = items.length === 0;
    if (items.length === 0) {
      this.section.replaceChildren();
      return;
    }
    this.items = items;
    this.boxes = items.map((item) => this.box(item));
    this.lines = document.createElementNS(SVG, 'svg');
    this.lines.setAttribute('aria-hidden', 'true');
    this.section.replaceChildren(
        make(
            'div.subgraph-head', {}, make('h2', {}, 'Pinned'),
            make(
                'span.hint', {},
                'g puts single pins into a group; shift-click chooses boxes for it'),
            make('button', {type: 'button', id: 'group', onclick: () => this.group()}, 'Group')),
        make('div.board', {}, this.lines, ...this.boxes));
    this.arrange();
  }

  box(item) {
    const {state} = this;
    const key = this.keyOf(item);
    const box = make('div.box', {
      dataset: {item: key},
      onclick: (event) => {
        if (!event.shiftKey) return;
        if (!this.marked.delete(key)) this.marked.add(key);
        box.classList.toggle('marked', this.marked.has(key));
      },
    });
    box.classList.toggle('marked', this.marked.has(key));
    if (item.group === null) {
      box.classList.add('single');
      box.append(
          this.member(item.nodes[0]), this.cross('Unpin', () => state.togglePin(item.nodes[0])));
    } else {
      box.classList.add('group');
      box.append(...this.groupParts(item.group));
    }
    return box;
  }

  groupParts(group) {
    const {state} = this;
    const name = make('input', {
      value: group.name,
      maxLength: 60,
      size: Math.max(6, group.name.length),
      onchange: (event) => {
        const groups = renamed(state.groups, group.name, event.target.value);
        state.update({groups});
        if (groups === state.groups) event.target.value = group.name;
      },
      dataset: {group: group.name},
      attributes: {'aria-label': 'Name of the group'},
    });
    const ungroup =
        this.cross('Ungroup', () => state.update({groups: dissolved(state.groups, group.name)}));
    const members = group.members.slice(0, MOST_MEMBERS).map((member) => {
      const node = state.graph.nodeOfId.get(member);
      if (node !== undefined) return this.member(node);
      const inner = state.groups.find((other) => other.name === member);
      return inner === undefined ? make('span.hint', {}, member) :
                                   make('div.box.group', {}, ...this.groupParts(inner));
    });
    const rest = group.members.length - members.length;
    return [
      make('div.box-head', {}, name, ungroup),
      make(
          'div.members', {}, ...members,
          rest > 0 ? make('span.hint', {}, `and ${rest} more`) : null),
    ];
  }

  member(node) {
    const {state} = this;
    const {graph} = state;
    const button = make(
        'button.member', {
          type: 'button',
          title: positionText(graph, graph.position[node]),
          onclick: (event) => {
            if (!event.shiftKey) this.select(node);
          },
          dataset: {node: graph.id[node]},
        },
        make(`i.glyph.${kindClass(graph, node)}`), nodeTitle(state, node),
        make('small', {}, ` @${graph.position[node]}`));
    button.classList.toggle('selected', node === state.clicked);
    button.classList.toggle('hidden-node', !state.isShown(node));
    return button;
  }

  cross(title, onclick) {
    return make(
        'button.cross', {type: 'button', title, onclick, attributes: {'aria-label': title}}, '×');
  }

  /** Boxes upwards by layer and across by position, without overlap; then the edges. */
  arrange() {
    if (this.section.hidden || !this.boxes) return;
    const {graph} = this.state;
    const board = this.lines.parentElement;
    const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const positions = this.items.map(({nodes}) => mean(nodes.map((node) => graph.position[node])));
    // By rank, because pins crowd where the prompt ends.
    const ranks = [...new Set(positions)].sort((a, b) => a - b);
    const rows = new Map();
    this.items.forEach(({nodes}, i) => {
      const layer = Math.round(mean(nodes.map((node) => graph.layer[node])));
      if (!rows.has(layer)) rows.set(layer, []);
      rows.get(layer).push({i, x: (ranks.indexOf(positions[i]) + 0.5) / ranks.length});
    });
    let top = PADDING;
    const width = board.clientWidth;
    for (const layer of [...rows.keys()].sort((a, b) => b - a)) {
      const row = rows.get(layer).sort((a, b) => a.x - b.x);
      const height = Math.max(...row.map(({i}) => this.boxes[i].offsetHeight));
      let left = PADDING;
      let needed = row.reduce((sum, {i}) => sum + this.boxes[i].offsetWidth + BOX_GAP, 0);
      for (const {i, x} of row) {
        const box = this.boxes[i];
        const wanted = x * (width - 2 * PADDING) - box.offsetWidth / 2;
        left = Math.max(left, Math.min(wanted, width - PADDING - needed));
        box.style.left = `${left}px`;
        box.style.top = `${top + (height - box.offsetHeight) / 2}px`;
        left += box.offsetWidth + BOX_GAP;
        needed -= box.offsetWidth + BOX_GAP;
      }
      top += height + ROW_GAP;
    }
    board.style.height = `${top - ROW_GAP + PADDING}px`;
    this.drawLines();
  }

  drawLines() {
    const edges = edgesBetween(this.state, this.items);
    const strongest = Math.abs(edges.at(-1)?.weight ?? 0);
    this.lines.replaceChildren(...edges.map(({source, target, weight}) => {
      const from = this.boxes[source];
      const to = this.boxes[target];
      const x0 = from.offsetLeft + from.offsetWidth / 2;
      const y0 = from.offsetTop;
      const x1 = to.offsetLeft + to.offsetWidth / 2;
      const y1 = to.offsetTop + to.offsetHeight;
      const middle = (y0 + y1) / 2;
      const path = document.createElementNS(SVG, 'path');
      path.setAttribute('d', `M${x0},${y0}C${x0},${middle} ${x1},${middle} ${x1},${y1}`);
      path.setAttribute('class', weight >= 0 ? 'positive' : 'negative');
      path.setAttribute(
          'stroke-width', String(0.6 + (WIDEST - 0.6) * Math.abs(weight) / strongest));
      path.dataset.weight = String(weight);
      path.dataset.source = this.keyOf(this.items[source]);
      path.dataset.target = this.keyOf(this.items[target]);
      const title = document.createElementNS(SVG, 'title');
      title.textContent = number(weight);
      path.append(title);
      return path;
    }));
  }
}
