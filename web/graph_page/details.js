/** The panel about the selected node: what it is, what acts on it, what it acts on. */
import {edgesOfNode} from './edges_of_node.js';
import {byId, make} from './elements.js';
import {Kind} from './graph_data.js';
import {kindName, lookText, nodeName, nodeTitle, number, percent, positionText} from './words.js';

const MOST_ROWS = 60;

export class Details {
  /**
   * @param {import('./page_state.js').PageState} state
   * @param {(node: number) => void} select Selects a node and brings it into sight.
   */
  constructor(state, select) {
    this.state = state;
    this.select = select;
    this.panel = byId('details');
    state.subscribe((changed) => {
      if (['clicked', 'pruning', 'pins', 'labels'].some((name) => changed.has(name))) this.render();
    });
    this.render();
  }

  render() {
    const {state} = this;
    this.panel.replaceChildren(
        ...(state.clicked < 0 ? this.invitation() : this.describe(state.clicked)));
  }

  invitation() {
    return [make('p.hint', {}, 'Select a node to see what acts on it, and what it acts on.')];
  }

  describe(node) {
    const {state} = this;
    const {graph} = state;
    const look = lookText(graph, graph.position[node]);
    const isPinned = state.pins.includes(graph.id[node]);
    const label = make('input.label', {
      id: 'label',
      value: state.labels.get(graph.id[node]) ?? '',
      placeholder: 'Label',
      maxLength: 200,
      onchange: (event) => state.setLabel(node, event.target.value.trim()),
      attributes: {'aria-label': 'Label of this node'},
    });
    const pin = make(
        'button.pin', {
          type: 'button',
          id: 'pin',
          title: 'Pin (p)',
          onclick: () => state.togglePin(node),
          attributes: {'aria-pressed': String(isPinned)},
        },
        isPinned ? 'Unpin' : 'Pin');
    const parts = [
      make(
          'div.node-head', {},
          make('h2', {}, make(`i.glyph.${kindClass(graph, node)}`), nodeName(graph, node)), pin),
      make(
          'p.where', {},
          `${kindName(graph, node)} at ${positionText(graph, graph.position[node])}`),
      ...(look === null ? [] : [make('p.hint.look', {}, look)]),
      label,
      this.figures(node),
    ];
    if (!state.isShown(node)) {
      return [...parts, make('p.hint', {}, 'The thresholds leave this node out.')];
    }
    const {inputs, outputs} = edgesOfNode(graph, state.pruning, node);
    if (node < graph.firstToken && graph.kind[node] === Kind.FEATURE || node >= graph.firstLogit) {
      parts.push(this.list('Inputs', 'what acts on it', inputs));
    }
    if (node < graph.firstLogit) parts.push(this.list('Outputs', 'what it acts on', outputs));
    return parts;
  }

  figures(node) {
    const {graph} = this.state;
    const rows = [['Id', graph.id[node]]];
    if (graph.activation[node] !== null) rows.push(['Activation', number(graph.activation[node])]);
    if (node >= graph.firstLogit) {
      const {probability, weight} = graph.logits[node - graph.firstLogit];
      if (probability > 0) rows.push(['Probability', percent(probability)]);
      if (weight !== probability) rows.push(['Weight', number(weight)]);
      if (graph.value[node] !== null)
        rows.push(['Logit, less the mean', number(graph.value[node])]);
    } else if (graph.keptAbove[node] <= 1) {
      rows.push(['Influence', percent(graph.influence[node] - graph.keptAbove[node])]);
      if (node < graph.firstToken)
        rows.push(['Shown from', `node threshold ${graph.keptAbove[node].toFixed(3)}`]);
    }
    return make(
        'dl', {},
        ...rows.flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)]));
  }

  list(title, explanation, edges) {
    const {state} = this;
    const strongest = Math.abs(edges[0]?.share ?? 0);
    const items = edges.slice(0, MOST_ROWS).map(({node, weight, share}) => {
      const bar = make(`span.bar.${weight >= 0 ? 'positive' : 'negative'}`);
      bar.style.width = `${strongest > 0 ? 100 * Math.abs(share) / strongest : 0}%`;
      return make(
          'li', {},
          make(
              'button.edge', {
                type: 'button',
                title: `${positionText(state.graph, state.graph.position[node])}; weight ${
                    number(weight)}`,
                onclick: () => this.select(node),
                onmouseenter: () => state.update({hovered: node}),
                onmouseleave: () => state.update({hovered: -1}),
                dataset: {node: state.graph.id[node]},
              },
              make(`i.glyph.${kindClass(state.graph, node)}`),
              make('span.name', {}, nodeTitle(state, node)),
              make('span.at', {}, `@${state.graph.position[node]}`),
              make('span.weight', {}, `${weight >= 0 ? '+' : '−'}${number(Math.abs(weight))}`),
              make('span.track', {}, bar)));
    });
    const more = edges.length > MOST_ROWS ?
        make('p.hint', {}, `and ${edges.length - MOST_ROWS} weaker ones`) :
        null;
    return make(
        'section.edges', {dataset: {list: title.toLowerCase()}},
        make('h3', {}, `${title} `, make('small', {}, `${explanation}: ${edges.length}`)),
        edges.length > 0 ? make('ol', {}, ...items) :
                           make('p.hint', {}, 'none at these thresholds'),
        more);
  }
}

/** @return {string} Class of the node's glyph. */
export function kindClass(graph, node) {
  return ['feature', 'error', 'token', 'logit'][graph.kind[node]];
}
