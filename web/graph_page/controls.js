/** The bar at the top: what the graph is, the sliders, and how much is shown. */
import {byId} from './elements.js';
import {count, percent, roundedDown} from './words.js';

export class Controls {
  /** @param {import('./page_state.js').PageState} state */
  constructor(state) {
    this.state = state;
    const {graph} = state;
    byId('title').textContent = graph.prompt.replaceAll(/(<image_soft_token>)+/g, '▦');
    byId('subtitle').textContent = [
      graph.model, graph.transcoders, `replacement ${percent(graph.scores.replacement)}`,
      `completeness ${percent(graph.scores.completeness)}`
    ].filter((part) => part !== '').join(' · ');
    const time =
        graph.createTime > 0 ? `, computed ${new Date(graph.createTime).toLocaleString()}` : '';
    byId('about').textContent = `${graph.name}${time}. Made by ${graph.generator}.`;

    this.nodeSlider = byId('node-threshold');
    this.edgeSlider = byId('edge-threshold');
    this.background = byId('background-edges');
    this.nodeSlider.max = String(graph.reach);
    // So that the slider's last stop is the reach itself.
    if (graph.reach < 1) this.nodeSlider.step = 'any';
    this.nodeSlider.addEventListener(
        'input', () => state.update({nodeThreshold: this.nodeSlider.valueAsNumber}));
    this.edgeSlider.addEventListener(
        'input', () => state.update({edgeThreshold: this.edgeSlider.valueAsNumber}));
    this.background.addEventListener(
        'change', () => state.update({background: this.background.value}));
    byId('theme').addEventListener('click', () => this.toggleTheme());
    byId('controls').addEventListener('submit', (event) => event.preventDefault());
    this.systemIsDark = window.matchMedia('(prefers-color-scheme: dark)');
    this.systemIsDark.addEventListener('change', () => state.changed(new Set(['theme'])));
    state.subscribe(() => this.render());
    this.render();
  }

  render() {
    const {state} = this;
    const {graph, pruning} = state;
    this.nodeSlider.value = String(state.nodeThreshold);
    this.edgeSlider.value = String(state.edgeThreshold);
    byId('node-threshold-value').textContent = roundedDown(state.nodeThreshold, 2);
    byId('edge-threshold-value').textContent = roundedDown(state.edgeThreshold, 2);
    this.background.value = state.background;
    byId('counts').textContent = [
      `${count(pruning.nNodes)} of ${count(graph.whole.n_nodes)} nodes`,
      `${count(pruning.edges.length)} of ${count(graph.whole.n_edges)} edges`, ...this.leftOut()
    ].join(' · ');
    document.documentElement.dataset.theme = this.theme();
  }

  /** What the page does not hold. */
  leftOut() {
    const {graph} = this.state;
    if (graph.reach >= 1) return [];
    const limit =
        `this page holds the ${count(graph.nNodes)} most influential nodes: node thresholds up to ${
            roundedDown(graph.reach, 3)}`;
    return [
      graph.askedNodeThreshold > graph.reach ?
          `${limit}, not the ${graph.askedNodeThreshold} asked for` :
          limit
    ];
  }

  /** @return {'light'|'dark'} The user's choice, or else the system's. */
  theme() {
    return this.state.theme ?? (this.systemIsDark.matches ? 'dark' : 'light');
  }

  toggleTheme() {
    this.state.update({theme: this.theme() === 'dark' ? 'light' : 'dark'});
  }
}
