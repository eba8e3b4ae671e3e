/** The shapes of nodes and edges on a canvas. All of them only add to the current path. */
import {Kind} from './graph_data.js';

/**
 * Circles are features, diamonds errors, squares tokens and targets.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {number} kind
 * @param {number} x
 * @param {number} y
 * @param {number} radius In pixels.
 */
export function addNode(context, kind, x, y, radius) {
  if (kind === Kind.FEATURE) {
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  } else if (kind === Kind.ERROR) {
    const r = 1.15 * radius;
    context.moveTo(x, y - r);
    context.lineTo(x + r, y);
    context.lineTo(x, y + r);
    context.lineTo(x - r, y);
    context.closePath();
  } else {
    const r = 0.9 * radius;
    context.rect(x - r, y - r, 2 * r, 2 * r);
  }
}

/** An S from the source, below, to the target, above. */
export function addCurve(context, x0, y0, x1, y1) {
  const middle = (y0 + y1) / 2;
  context.moveTo(x0, y0);
  context.bezierCurveTo(x0, middle, x1, middle, x1, y1);
}

/** @return {string} Colour of an edge with this signed weight. */
export function edgeColor(palette, weight) {
  return weight >= 0 ? palette.positive : palette.negative;
}
