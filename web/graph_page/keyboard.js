/** Keys that work anywhere on the page but in its fields. */
import {edgesOfNode} from './edges_of_node.js';
import {byId} from './elements.js';

const BACKGROUNDS = ['none', 'strongest', 'all'];

/**
 * The shown node that an arrow key leads to.
 *
 * @param {import('./page_state.js').PageState} state
 * @param {import('./layout.js').Layout} layout
 * @param {string} key
 * @return {number} -1: there is none that way.
 */
export function nodeBeside(state, layout, key) {
  const {graph, clicked} = state;
  const {x, y} = layout;
  let best = -1;
  let least = Infinity;
  for (let node = 0; node < graph.nNodes; ++node) {
    if (node === clicked || !state.isShown(node)) continue;
    const dx = x[node] - x[clicked];
    const dLayer = graph.layer[node] - graph.layer[clicked];
    let distance;
    if (key === 'ArrowLeft' || key === 'ArrowRight') {
      // The nodes of a layer in the order of x, then of y.
      const after = dx > 0 || (dx === 0 && y[node] > y[clicked]);
      if (dLayer !== 0 || after !== (key === 'ArrowRight')) continue;
      distance = Math.abs(dx) + 1e-3 * Math.abs(y[node] - y[clicked]);
    } else {
      if (dLayer === 0 || dLayer > 0 !== (key === 'ArrowUp')) continue;
      // The next layer counts for more than the same column.
      distance = 1e4 * Math.abs(dLayer) + Math.abs(dx);
    }
    if (distance < least) {
      least = distance;
      best = node;
    }
  }
  return best;
}

export class Keyboard {
  /**
   * @param {import('./page_state.js').PageState} state
   * @param {import('./graph_view.js').GraphView} view
   * @param {(node: number) => void} select
   * @param {{toggleTheme: () => void}} controls
   * @param {{group: () => void}} subgraph
   */
  constructor(state, view, select, controls, subgraph) {
    this.state = state;
    this.view = view;
    this.select = select;
    this.controls = controls;
    this.subgraph = subgraph;
    document.addEventListener('keydown', (event) => {
      const isTyping = event.target.matches('input:not([type=range]), select, textarea');
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
      if (event.target.matches('input[type=range]') && event.key.startsWith('Arrow')) return;
      if (byId('help').open) return;
      if (this.press(event.key)) event.preventDefault();
    });
    byId('help-button').addEventListener('click', () => byId('help').showModal());
    byId('zoom-in').addEventListener('click', () => view.zoomBy(1.5));
    byId('zoom-out').addEventListener('click', () => view.zoomBy(1 / 1.5));
    byId('zoom-fit').addEventListener('click', () => view.zoomToFit());
  }

  /** @return {boolean} Whether the key means something. */
  press(key) {
    const {state, view} = this;
    const {clicked} = state;
    switch (key) {
      case 'ArrowLeft':
      case 'ArrowRight':
      case 'ArrowUp':
      case 'ArrowDown':
        this.walk(key);
        return true;
      case 'i':
      case 'o':
        this.follow(key === 'i' ? 'inputs' : 'outputs');
        return true;
      case 'p':
        if (clicked >= 0) state.togglePin(clicked);
        return true;
      case 'g':
        this.subgraph.group();
        return true;
      case 'l':
        byId('label')?.focus();
        return true;
      case '/':
        byId('search').focus();
        byId('search').select();
        return true;
      case 'e':
        state.update({
          background: BACKGROUNDS[(BACKGROUNDS.indexOf(state.background) + 1) % BACKGROUNDS.length]
        });
        return true;
      case '+':
      case '=':
        view.zoomBy(1.5);
        return true;
      case '-':
        view.zoomBy(1 / 1.5);
        return true;
      case '0':
        view.zoomToFit();
        return true;
      case 't':
        this.controls.toggleTheme();
        return true;
      case '?':
        byId('help').showModal();
        return true;
      case 'Escape':
        state.update({clicked: -1, hovered: -1});
        return true;
      default:
        return false;
    }
  }

  /** Without a selection, arrow keys begin at the first target. */
  walk(key) {
    const {state, view} = this;
    const isNowhere = state.clicked < 0 || !state.isShown(state.clicked);
    const node = isNowhere ? state.graph.firstLogit : nodeBeside(state, view.frame.layout, key);
    if (node >= 0) this.select(node);
  }

  follow(side) {
    const {state} = this;
    if (state.clicked < 0) return;
    const strongest = edgesOfNode(state.graph, state.pruning, state.clicked)[side][0];
    if (strongest) this.select(strongest.node);
  }
}
