/** Draws the nodes: by kind, and with a selection by what they do to it. */
import {addNode, edgeColor} from './draw_shapes.js';
import {Kind} from './graph_data.js';

const KIND_COLORS = ['feature', 'error', 'token', 'logit'];
const FADED = 0.22;

/**
 * @param {CanvasRenderingContext2D} context Scaled to CSS pixels, cleared.
 * @param {import('./page_state.js').PageState} state
 * @param {import('./view_frame.js').ViewFrame} frame
 * @param {import('./palette.js').Palette} palette
 * @param {Map<number, number>|null} linked Signed shares of the selected node's neighbours; null
 *     without a selection.
 */
export function drawNodes(context, state, frame, palette, linked) {
  const {graph, pruning, clicked} = state;
  const {x, y} = frame.layout;
  const radius = frame.radius;
  // One path for each look, which is far cheaper than one for each node.
  const looks = new Map();
  for (let node = 0; node < graph.nNodes; ++node) {
    if (!pruning.nodes[node]) continue;
    const px = frame.x(x[node]);
    const py = frame.y(y[node]);
    if (px < -radius || py < -radius || px > frame.width + radius || py > frame.height + radius)
      continue;
    const kind = graph.kind[node];
    const share = linked?.get(node);
    const look = linked === null || node === clicked ? 0 :
        share === undefined                          ? 1 :
        share >= 0                                   ? 2 :
                                                       3;
    const key = 4 * kind + look;
    if (!looks.has(key)) looks.set(key, []);
    looks.get(key).push(px, py);
  }
  for (const faded of [true, false]) {
    for (const [key, points] of looks) {
      const kind = key >> 2;
      const look = key & 3;
      if ((look === 1) !== faded) continue;
      context.globalAlpha = faded ? FADED : 1;
      const color =
          look >= 2 ? edgeColor(palette, look === 2 ? 1 : -1) : palette[KIND_COLORS[kind]];
      context.beginPath();
      for (let i = 0; i < points.length; i += 2)
        addNode(context, kind, points[i], points[i + 1], radius);
      context.fillStyle = kind === Kind.ERROR ? palette.paper : color;
      context.strokeStyle = kind === Kind.ERROR ? color : palette.paper;
      context.lineWidth = kind === Kind.ERROR ? 1.4 : 0.8;
      context.fill();
      context.stroke();
    }
  }
  context.globalAlpha = 1;
}
