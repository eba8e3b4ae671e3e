/**
 * From the layout's world to pixels of the graph's pane: a scale that fits the whole graph, and on
 * top of it the zoom.
 */

import {ROW_STEP} from './layout.js';

/** Room around the nodes, in pixels: layer names, target names, tokens. */
export const MARGIN = Object.freeze({left: 44, right: 20, top: 64, bottom: 84});

export class ViewFrame {
  constructor() {
    this.width = 1;  // of the pane, in CSS pixels
    this.height = 1;
    /** d3-zoom's: x and y in pixels, k = 1 shows the whole graph. */
    this.zoom = {x: 0, y: 0, k: 1};
    /** @type {import('./layout.js').Layout|null} */
    this.layout = null;
  }

  get plotWidth() {
    return Math.max(1, this.width - MARGIN.left - MARGIN.right);
  }

  get plotHeight() {
    return Math.max(1, this.height - MARGIN.top - MARGIN.bottom);
  }

  /** Pixels of one unit of x, and of one layer. */
  get unit() {
    return this.zoom.k * this.plotWidth / this.layout.width;
  }

  get layerHeight() {
    return this.zoom.k * this.plotHeight / this.layout.height;
  }

  /** @return {number} The pixel of a world coordinate. */
  x(worldX) {
    return this.zoom.x + this.zoom.k * MARGIN.left + worldX * this.unit;
  }

  y(worldY) {
    return this.zoom.y + this.zoom.k * MARGIN.top + worldY * this.layerHeight;
  }

  /** @return {number} Half of a node's width in pixels: nodes grow slower than the zoom. */
  get radius() {
    const room = Math.min(0.42 * this.unit, 0.5 * ROW_STEP * this.layerHeight);
    return Math.min(Math.max(room, 2.2), 5.5 * Math.sqrt(Math.max(1, this.zoom.k)), 11);
  }
}
