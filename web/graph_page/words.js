/** How nodes, tokens and numbers are put into words. */
import {Kind, placeInPicture} from './graph_data.js';

/**
 * @param {string} text A token; may be white space or nothing.
 * @return {string} One line that can be seen.
 */
export function visibleToken(text) {
  const shown = text.replaceAll('\n', '⏎').replaceAll('\t', '⇥');
  return shown.trim() === '' ? shown.replaceAll(' ', '␣') || '∅' : shown;
}

/** @return {string} A number with three significant digits, or few more. */
export function number(value) {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
}

/** @return {string} A share of 1 as a percentage. */
export function percent(share) {
  const value = 100 * share;
  const digits = Math.abs(value) >= 10 || value === 0 ? 0 : Math.abs(value) >= 1 ? 1 : 2;
  return `${value.toFixed(digits)} %`;
}

/** @return {string} A count with separators. */
export function count(value) {
  return value.toLocaleString('en').replaceAll(',', ' ');
}

/** @return {string} "position 7, ‘ planet’", or where in which picture. */
export function positionText(graph, position) {
  const place = placeInPicture(graph, position);
  if (place === null) return `position ${position}, ‘${visibleToken(graph.tokens[position])}’`;
  return `position ${position}, ${pictureText(graph, place.picture)}, row ${
      place.row + 1}, column ${place.column + 1}`;
}

/** @return {string} "picture 2, crop 1"; the number only where there are several. */
export function pictureText(graph, picture) {
  const several = graph.pictures.some(({image}) => image !== graph.pictures[0].image);
  const name = several ? `picture ${picture.image + 1}` : 'picture';
  return picture.crop < 0 ? name : `${name}, crop ${picture.crop + 1}`;
}

/** @return {string|null} What a picture shows when a node at this position is selected. */
export function lookText(graph, position) {
  return placeInPicture(graph, position)?.picture.heatmaps ?
      'Yellow on its picture: where this image token looks.' :
      null;
}

/** @return {string} What the node is, in a few words, without the user's label. */
export function nodeName(graph, node) {
  switch (graph.kind[node]) {
    case Kind.FEATURE:
      return `L${graph.layer[node]} #${graph.index[node]}`;
    case Kind.ERROR:
      return `L${graph.layer[node]} error`;
    case Kind.TOKEN: {
      const place = placeInPicture(graph, graph.position[node]);
      return place === null ? `‘${visibleToken(graph.tokens[graph.position[node]])}’` :
                              `patch ${place.row + 1}, ${place.column + 1}`;
    }
    default:
      return targetText(graph.logits[node - graph.firstLogit]);
  }
}

/** @return {string} A token in quotes with its probability, or another target's label. */
function targetText({token, probability}) {
  return probability > 0 ? `‘${visibleToken(token)}’ ${percent(probability)}` : token;
}

/** @return {string} The user's label, or else nodeName. */
export function nodeTitle(state, node) {
  return state.labels.get(state.graph.id[node]) ?? nodeName(state.graph, node);
}

/** @return {string} What kind of node it is. */
export function kindName(graph, node) {
  return ['feature', 'error', 'token', 'target'][graph.kind[node]];
}

/**
 * @param {number} value
 * @param {number} digits
 * @return {string} Never more than the value: a threshold of 0.9999 is not 1.00.
 */
export function roundedDown(value, digits) {
  const nearest = value.toFixed(digits);
  return Number(nearest) > value ? (Number(nearest) - 10 ** -digits).toFixed(digits) : nearest;
}
