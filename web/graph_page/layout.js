/**
 * Where nodes stand: positions of the prompt across, layers upwards, one cell for each pair.
 *
 * Coordinates are in a world of its own: x in units of one node beside another, y in layers from
 * the top (0: logits, then layer n-1 down to 0, then the tokens). graph_view.js scales it to the
 * screen. Columns are as wide as their fullest cell needs; image positions without nodes, most of
 * them, shrink to a sliver.
 */
import {Kind, placeInPicture} from './graph_data.js';

const NODES_ABOVE_EACH_OTHER = 3;  // in a cell, before it grows wider
export const ROW_STEP = 0.26;      // between them, in layers
const COLUMN_PADDING = 0.8;
const TEXT_WIDTH = 1.6;
const EMPTY_PATCHES_WIDTH = 20;  // of a whole picture without nodes, at most
const EMPTY_PATCH_WIDTH = 0.9;   // of one patch, at most

/**
 * @typedef {object} Layout
 * @property {Float32Array} x Of each node; meaningless for those that are not shown.
 * @property {Float32Array} y
 * @property {Float32Array} columns Left edge of each position's column, and the right edge of the
 *     last one: [positions + 1].
 * @property {number} width
 * @property {number} height In layers: n + 2.
 */

/** @return {number} Row of the world that a node of this layer stands in. */
export function rowOfLayer(graph, layer) {
  return graph.nLayers - layer;
}

/**
 * @param {import('./graph_data.js').Graph} graph
 * @param {Uint8Array} shown 1 = the node is.
 * @return {Layout}
 */
export function computeLayout(graph, shown) {
  const nPositions = graph.tokens.length;
  const cells = new Map();
  for (let node = 0; node < graph.nNodes; ++node) {
    if (!shown[node]) continue;
    const key = graph.position[node] * (graph.nLayers + 2) + rowOfLayer(graph, graph.layer[node]);
    if (!cells.has(key)) cells.set(key, []);
    cells.get(key).push(node);
  }

  const across = new Float32Array(nPositions);  // nodes side by side, of the fullest cell
  const occupied = new Uint8Array(nPositions);  // by anything but the token itself
  for (const nodes of cells.values()) {
    const position = graph.position[nodes[0]];
    const isLogits = graph.kind[nodes[0]] === Kind.LOGIT;
    const needed = isLogits ? 1.4 * nodes.length : Math.ceil(nodes.length / NODES_ABOVE_EACH_OTHER);
    across[position] = Math.max(across[position], needed);
    if (graph.kind[nodes[0]] !== Kind.TOKEN) occupied[position] = 1;
  }

  const columns = new Float32Array(nPositions + 1);
  for (let position = 0; position < nPositions; ++position) {
    const place = placeInPicture(graph, position);
    columns[position + 1] = columns[position] +
        (occupied[position] || place === null ?
             Math.max(TEXT_WIDTH, across[position] + COLUMN_PADDING) :
             emptyPatchWidth(place.picture));
  }

  const x = new Float32Array(graph.nNodes);
  const y = new Float32Array(graph.nNodes);
  for (const nodes of cells.values()) {
    const position = graph.position[nodes[0]];
    const row = rowOfLayer(graph, graph.layer[nodes[0]]);
    const center = (columns[position] + columns[position + 1]) / 2;
    const isLogits = graph.kind[nodes[0]] === Kind.LOGIT;
    if (!isLogits) nodes.sort((a, b) => graph.influence[a] - graph.influence[b]);
    const perRow = isLogits ? nodes.length : Math.max(1, Math.floor(across[position]));
    const step = isLogits ? 1.4 : 1;
    const nRows = Math.ceil(nodes.length / perRow);
    nodes.forEach((node, i) => {
      const inRow = Math.min(perRow, nodes.length - Math.floor(i / perRow) * perRow);
      x[node] = center + (i % perRow - (inRow - 1) / 2) * step;
      y[node] = row + 0.5 + (Math.floor(i / perRow) - (nRows - 1) / 2) * ROW_STEP;
    });
  }
  return {x, y, columns, width: columns[nPositions], height: graph.nLayers + 2};
}

function emptyPatchWidth({begin, end}) {
  return Math.min(EMPTY_PATCH_WIDTH, EMPTY_PATCHES_WIDTH / (end - begin));
}
