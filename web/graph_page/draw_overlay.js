/** Draws what lies over the nodes: the selection's edges, rings and labels. */
import {addCurve, addNode, edgeColor} from './draw_shapes.js';
import {MARGIN} from './view_frame.js';
import {nodeTitle} from './words.js';

const MOST_EDGES = 400;  // of one node, the strongest
const WIDEST = 7;        // pixels

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import('./page_state.js').PageState} state
 * @param {import('./view_frame.js').ViewFrame} frame
 * @param {import('./palette.js').Palette} palette
 * @param {number} node
 * @param {{inputs: object[], outputs: object[]}} edges Of the node.
 * @param {number} opacity
 */
export function drawEdgesOf(context, state, frame, palette, node, edges, opacity) {
  const {x, y} = frame.layout;
  const x0 = frame.x(x[node]);
  const y0 = frame.y(y[node]);
  for (const list of [edges.inputs, edges.outputs]) {
    const strongest = Math.abs(list[0]?.share ?? 0);
    // The strongest last, on top.
    for (const edge of list.slice(0, MOST_EDGES).reverse()) {
      const relative = strongest > 0 ? Math.abs(edge.share) / strongest : 0;
      context.beginPath();
      addCurve(context, x0, y0, frame.x(x[edge.node]), frame.y(y[edge.node]));
      context.lineWidth = 0.4 + (WIDEST - 0.4) * relative;
      context.globalAlpha = opacity * (0.15 + 0.55 * Math.sqrt(relative));
      context.strokeStyle = edgeColor(palette, edge.weight);
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}

/** Rings around nodes. `grow`: pixels beyond the node; 0 width fills nothing. */
function ring(context, state, frame, nodes, color, grow, width) {
  context.beginPath();
  for (const node of nodes) {
    if (!state.isShown(node)) continue;
    addNode(
        context, state.graph.kind[node], frame.x(frame.layout.x[node]),
        frame.y(frame.layout.y[node]), frame.radius + grow);
  }
  context.strokeStyle = color;
  context.lineWidth = width;
  context.stroke();
}

/** Rings of what is found, pinned, hovered and selected. */
export function drawRings(context, state, frame, palette) {
  const pinned =
      state.pins.map((id) => state.graph.nodeOfId.get(id)).filter((node) => node !== undefined);
  ring(context, state, frame, state.found, palette.found, 3.5, 2);
  ring(context, state, frame, pinned, palette.accent, 2.5, 1.6);
  if (state.hovered >= 0) ring(context, state, frame, [state.hovered], palette.ink, 2, 1.5);
  if (state.clicked >= 0) ring(context, state, frame, [state.clicked], palette.ink, 3, 2.4);
}

function text(context, palette, words, x, y) {
  context.lineWidth = 3.5;
  context.lineJoin = 'round';
  context.strokeStyle = palette.paper;
  context.strokeText(words, x, y);
  context.fillStyle = palette.ink;
  context.fillText(words, x, y);
}

/** @return {string} At most `length` characters. */
function shortened(words, length) {
  return words.length > length ? `${words.slice(0, length - 1)}…` : words;
}

/** Names the targets above their nodes, aslant: to the right unless the edge is too near. */
function drawTargetNames(context, state, frame, palette) {
  const {graph} = state;
  const {x, y} = frame.layout;
  context.font = `12px ${palette.font}`;
  const names = [];
  for (let node = graph.firstLogit; node < graph.nNodes; ++node) {
    names.push({
      words: shortened(nodeTitle(state, node), 22),
      px: frame.x(x[node]),
      py: frame.y(y[node]) - frame.radius - 4
    });
  }
  // All the same way, or they would cross.
  const leanLeft = names.some(
      ({words, px}) => px <= frame.width &&
          px + context.measureText(words).width * Math.SQRT1_2 + 6 > frame.width);
  context.textAlign = leanLeft ? 'right' : 'left';
  for (const {words, px, py} of names) {
    context.save();
    context.translate(px, py);
    context.rotate(leanLeft ? Math.PI / 4 : -Math.PI / 4);
    text(context, palette, words, 0, 0);
    context.restore();
  }
}

/** Names the targets, and the nodes that the user has labelled: on the side where there is room. */
export function drawLabels(context, state, frame, palette) {
  const {graph} = state;
  const {x, y} = frame.layout;
  context.textBaseline = 'middle';
  drawTargetNames(context, state, frame, palette);
  context.font = `11.5px ${palette.font}`;
  for (const id of state.labels.keys()) {
    const node = graph.nodeOfId.get(id);
    if (node === undefined || node >= graph.firstLogit || !state.isShown(node)) continue;
    const words = shortened(nodeTitle(state, node), 28);
    const px = frame.x(x[node]);
    const gap = frame.radius + 5;
    const isLeft = px + gap + context.measureText(words).width > frame.width;
    context.textAlign = isLeft ? 'right' : 'left';
    text(context, palette, words, isLeft ? px - gap : px + gap, frame.y(y[node]));
  }
}

/** The names of the layers, at the left edge whatever the zoom. */
export function drawLayers(context, state, frame, palette) {
  const {graph} = state;
  const bottom = frame.height - MARGIN.bottom;
  context.fillStyle = palette.paper;
  context.fillRect(0, 0, MARGIN.left - 8, frame.height);
  context.font = `11px ${palette.font}`;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  context.fillStyle = palette.soft;
  const every = Math.max(1, Math.ceil(13 / frame.layerHeight));
  for (let row = 0; row < frame.layout.height; ++row) {
    const layer = graph.nLayers - row;
    const py = frame.y(row + 0.5);
    if (py > bottom) break;
    const isEnd = layer === graph.nLayers || layer === -1;
    if (py < 6 || (!isEnd && layer % every !== 0)) continue;
    context.fillText(isEnd ? (layer === -1 ? 'in' : 'out') : `L${layer}`, MARGIN.left - 14, py);
  }
}
