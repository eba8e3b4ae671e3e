/** Puts the page together: data, state, and the views of it. */
import {bindAddress, changesOf} from './address.js';
import {changesOfAnnotations, saveAnnotations} from './annotations.js';
import {Controls} from './controls.js';
import {Details} from './details.js';
import {byId} from './elements.js';
import {readGraph} from './graph_data.js';
import {GraphView} from './graph_view.js';
import {Heatmaps} from './heatmaps.js';
import {Keyboard} from './keyboard.js';
import {PageState} from './page_state.js';
import {loadThumbnails, Pictures} from './pictures.js';
import {Search} from './search.js';
import {Subgraph} from './subgraph.js';
import {Tooltip} from './tooltip.js';
import {kindName, nodeTitle, positionText} from './words.js';

const graph = readGraph(byId('graph-data').textContent);
const state = new PageState(graph);
state.update(
    {...changesOfAnnotations(graph.annotations), ...changesOf(graph, location.hash.slice(1))});

const controls = new Controls(state);  // first: it sets the theme, whose colours the others read
const thumbnails = loadThumbnails(graph, () => {
  view.schedule();
  pictures.draw();
});
const view = new GraphView(state, thumbnails);

/** Selects a node, brings it into sight, and says so to those who do not see it. */
function select(node) {
  state.update({clicked: node, hovered: -1});
  if (state.isShown(node)) view.reveal(node);
}

const heatmaps = new Heatmaps(graph, () => pictures.draw());
const pictures = new Pictures(state, thumbnails, heatmaps, select);
new Details(state, select);
new Tooltip(state);
new Search(state, select);
const subgraph = new Subgraph(state, select);
new Keyboard(state, view, select, controls, subgraph);
bindAddress(state);
// For the browser's console, and for tests.
window.cajal = {
  state,
  view,
  heatmaps
};
byId('save').addEventListener('click', () => saveAnnotations(state));
state.subscribe((changed) => {
  if (!changed.has('clicked')) return;
  const {clicked} = state;
  byId('announcer').textContent = clicked < 0 ?
      'nothing selected' :
      `${nodeTitle(state, clicked)}, ${kindName(graph, clicked)} at ${
          positionText(graph, graph.position[clicked])}`;
});
