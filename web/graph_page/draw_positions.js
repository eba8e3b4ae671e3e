/** Draws the axis of positions: words, and the patches of pictures. */
import {placeInPicture} from './graph_data.js';
import {MARGIN} from './view_frame.js';
import {visibleToken} from './words.js';

const LARGEST_PATCH = 44;
const LOWEST_PATCH = 14;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import('./page_state.js').PageState} state
 * @param {import('./view_frame.js').ViewFrame} frame
 * @param {import('./palette.js').Palette} palette
 * @param {Map<object, HTMLImageElement>} thumbnails Of pictures, when they have been decoded.
 */
export function drawPositions(context, state, frame, palette, thumbnails) {
  const {graph} = state;
  const {columns} = frame.layout;
  const top = frame.height - MARGIN.bottom;
  context.fillStyle = palette.paper;
  context.fillRect(0, top, frame.width, MARGIN.bottom);
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.strokeRect(-1, top + 0.5, frame.width + 2, MARGIN.bottom);
  const marked = new Set([state.clicked, state.hovered]
                             .filter((node) => node >= 0)
                             .map((node) => graph.position[node]));
  context.save();
  context.beginPath();
  context.rect(MARGIN.left - 8, top, frame.width, MARGIN.bottom);
  context.clip();
  for (let position = 0; position < graph.tokens.length; ++position) {
    const left = frame.x(columns[position]);
    const right = frame.x(columns[position + 1]);
    if (right < MARGIN.left - 8 || left > frame.width) continue;
    const place = placeInPicture(graph, position);
    if (place === null) {
      drawWord(context, palette, graph.tokens[position], left, right, top, marked.has(position));
    } else {
      drawPatch(
          context, palette, place, thumbnails.get(place.picture), left, right, top,
          marked.has(position));
    }
  }
  context.restore();
}

function drawWord(context, palette, token, left, right, top, isMarked) {
  const words = visibleToken(token).trim();
  context.font = `${isMarked ? 'bold ' : ''}12px ${palette.font}`;
  context.fillStyle = isMarked ? palette.accent : palette.ink;
  if (right - left < 9 && !isMarked) return;
  const shown = words.length > 13 ? `${words.slice(0, 12)}…` : words;
  const center = (left + right) / 2;
  context.save();
  if (context.measureText(shown).width <= right - left - 4) {
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.fillText(shown, center, top + 8);
  } else {
    context.translate(center, top + 8);
    context.rotate(Math.PI / 4);
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    context.fillText(shown, 0, 0);
  }
  context.restore();
}

function drawPatch(
    context, palette, {picture, row, column}, thumbnail, left, right, top, isMarked) {
  const size = Math.min(right - left - 1, LARGEST_PATCH);
  const x = (left + right - size) / 2;
  const y = top + 6;
  if (thumbnail === undefined) {
    context.fillStyle = (row + column) % 2 === 0 ? palette.line : palette.band;
    context.fillRect(x, y, size, Math.max(size, LOWEST_PATCH));
  } else {
    const width = thumbnail.naturalWidth / picture.side;
    const height = thumbnail.naturalHeight / picture.side;
    context.imageSmoothingEnabled = width > size;
    context.drawImage(
        thumbnail, column * width, row * height, width, height, x, y, size,
        Math.max(size, LOWEST_PATCH));
  }
  if (!isMarked) return;
  context.strokeStyle = palette.accent;
  context.lineWidth = 2;
  context.strokeRect(x - 1, y - 1, size + 2, Math.max(size, LOWEST_PATCH) + 2);
}
