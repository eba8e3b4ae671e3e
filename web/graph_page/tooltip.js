/** A few words beside the pointer about the node under it. */
import {edgesOfNode} from './edges_of_node.js';
import {byId, make} from './elements.js';
import {kindName, lookText, nodeName, nodeTitle, number, percent, positionText} from './words.js';

const STRONGEST = 3;

export class Tooltip {
  /** @param {import('./page_state.js').PageState} state */
  constructor(state) {
    this.state = state;
    this.box = byId('tooltip');
    this.pane = byId('graph');
    this.pane.addEventListener('pointermove', (event) => this.place(event.clientX, event.clientY));
    this.pane.addEventListener('pointerleave', () => this.box.hidden = true);
    state.subscribe((changed) => {
      if (changed.has('hovered')) this.render();
    });
  }

  render() {
    const {state} = this;
    const node = state.hovered;
    // A list's entry or a picture that is hovered says what it is by itself.
    this.box.hidden = node < 0 || !this.pane.matches(':hover');
    if (this.box.hidden) return;
    const {graph} = state;
    const title = nodeTitle(state, node);
    const name = nodeName(graph, node);
    const what = title === name ? kindName(graph, node) : `${kindName(graph, node)} ${name}`;
    const lines = [
      make('strong', {}, title),
      make('span', {}, `${what} at ${positionText(graph, graph.position[node])}`),
    ];
    if (graph.activation[node] !== null)
      lines.push(make('span', {}, `activation ${number(graph.activation[node])}`));
    if (node < graph.firstLogit && graph.keptAbove[node] <= 1) {
      lines.push(
          make('span', {}, `influence ${percent(graph.influence[node] - graph.keptAbove[node])}`));
    }
    const look = lookText(graph, graph.position[node]);
    if (look !== null) lines.push(make('span.hint.look', {}, look));
    const {inputs, outputs} = edgesOfNode(graph, state.pruning, node);
    lines.push(...this.strongest('from', inputs), ...this.strongest('to', outputs));
    this.box.replaceChildren(...lines);
    if (this.at) this.place(...this.at);
  }

  strongest(word, edges) {
    return edges.slice(0, STRONGEST)
        .map(
            ({node, weight, share}) => make(
                `span.${weight >= 0 ? 'positive' : 'negative'}`, {},
                `${word} ${nodeTitle(this.state, node)} @${this.state.graph.position[node]}: ${
                    weight >= 0 ? '+' :
                                  '−'}${number(Math.abs(weight))} (${percent(Math.abs(share))})`));
  }

  /** Beside the pointer, inside of the window, and not over the panel. */
  place(x, y) {
    this.at = [x, y];
    if (this.box.hidden) return;
    const {offsetWidth, offsetHeight} = this.box;
    const {right} = this.pane.getBoundingClientRect();
    const left = x + 16 + offsetWidth > right ? x - 16 - offsetWidth : x + 16;
    const top = Math.min(y + 12, window.innerHeight - offsetHeight - 8);
    this.box.style.transform = `translate(${Math.max(4, left)}px, ${Math.max(4, top)}px)`;
  }
}
