/** The style sheet's colours, for what is drawn on canvases. */

/**
 * @typedef {object} Palette
 * @property {string} ink Text and outlines.
 * @property {string} soft Weaker text.
 * @property {string} line Grid lines.
 * @property {string} paper Background.
 * @property {string} feature
 * @property {string} error
 * @property {string} token
 * @property {string} logit
 * @property {string} positive Edges that speak for their target.
 * @property {string} negative
 * @property {string} accent Selection and focus.
 * @property {string} found What the search has found.
 * @property {string} band Behind positions of pictures.
 * @property {string} font
 */

/** @return {Palette} As the style sheet has it now. */
export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const names = [
    'ink', 'soft', 'line', 'paper', 'feature', 'error', 'token', 'logit', 'positive', 'negative',
    'accent', 'found', 'band', 'font'
  ];
  return Object.fromEntries(
      names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
