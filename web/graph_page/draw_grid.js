/** Draws what lies under the nodes: a line for each layer, a band for each picture. */
import {MARGIN} from './view_frame.js';

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import('./page_state.js').PageState} state
 * @param {import('./view_frame.js').ViewFrame} frame
 * @param {import('./palette.js').Palette} palette
 */
export function drawGrid(context, state, frame, palette) {
  const {columns, height} = frame.layout;
  const top = frame.y(0);
  const bottom = frame.y(height);
  context.fillStyle = palette.band;
  for (const picture of state.graph.pictures) {
    const left = frame.x(columns[picture.begin]);
    context.fillRect(left, top, frame.x(columns[picture.end]) - left, bottom - top);
  }
  context.beginPath();
  for (let row = 0; row <= height; ++row) {
    const py = Math.round(frame.y(row)) + 0.5;
    if (py < 0 || py > frame.height) continue;
    context.moveTo(MARGIN.left - 8, py);
    context.lineTo(frame.width, py);
  }
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.stroke();
}
