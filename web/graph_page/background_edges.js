/**
 * The edges behind the nodes, up to tens of thousands of them.
 *
 * Drawing so many takes longer than a frame, so it is never waited for: while the graph is dragged
 * or zoomed, the last picture is moved along by the compositor; when it rests, a new one is drawn a
 * few thousand edges a frame beside the old one, and takes its place when it is whole.
 */
import {addCurve, edgeColor} from './draw_shapes.js';

const STRONGEST = 1000;
const MOST = 60000;         // more would be one grey area
const CURVES_UP_TO = 3000;  // straight lines are cheaper
const EDGES_PER_FRAME = 2500;
const OPAQUE_UP_TO = 1500;  // edges; more of them are fainter
const REST_MS = 120;        // without movement, before drawing starts

/** Strong edges are drawn last and bolder: [share of the drawn ones, width, opacity]. */
const LEVELS = [[0.5, 0.5, 0.10], [0.3, 0.7, 0.16], [0.15, 1, 0.26], [0.05, 1.6, 0.42]];

export class BackgroundEdges {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import('./page_state.js').PageState} state
   * @param {import('./view_frame.js').ViewFrame} frame
   */
  constructor(canvas, state, frame) {
    this.canvas = canvas;
    this.state = state;
    this.frame = frame;
    this.spare = document.createElement('canvas');
    this.drawnZoom = {x: 0, y: 0, k: 1};
    this.timer = 0;
    this.pending = 0;
    /** @type {import('./palette.js').Palette|null} The owner sets it, and again with the theme. */
    this.palette = null;
    /** @type {Uint32Array} Weakest first. */
    this.edges = new Uint32Array(0);
  }

  /** The pruning, the layout or the choice has changed. */
  choose() {
    const {pruning, pruner, background} = this.state;
    const wanted = {none: 0, strongest: STRONGEST, all: MOST}[background];
    const scores = pruner.scores;
    let edges = pruning.edges;
    if (wanted === 0) {
      edges = new Uint32Array(0);
    } else if (edges.length > wanted) {
      const sorted = Float64Array.from(edges, (e) => scores[e]).sort();
      const cut = sorted[sorted.length - wanted];
      edges = edges.filter((e) => scores[e] >= cut);
    }
    this.edges = edges.slice().sort((a, b) => scores[a] - scores[b]);
    this.redraw();
  }

  /** The zoom has changed: moves the old picture, and draws anew after a rest. */
  move() {
    const {zoom} = this.frame;
    const scale = zoom.k / this.drawnZoom.k;
    const x = zoom.x - scale * this.drawnZoom.x;
    const y = zoom.y - scale * this.drawnZoom.y;
    this.canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.redraw(), REST_MS);
  }

  /** Starts a new picture; one that is being drawn is given up. */
  redraw() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.pending);
    if (this.frame.layout === null) return;
    const ratio = window.devicePixelRatio;
    this.spare.width = Math.round(ratio * this.frame.width);
    this.spare.height = Math.round(ratio * this.frame.height);
    const context = this.spare.getContext('2d');
    context.scale(ratio, ratio);
    this.drawFrom(0, context, {...this.frame.zoom});
  }

  drawFrom(begin, context, zoom) {
    let at = begin;
    const end = Math.min(this.edges.length, begin + EDGES_PER_FRAME);
    let levelEnd = 0;
    for (const [share, width, opacity] of LEVELS) {
      levelEnd += share * this.edges.length;
      const stop = Math.min(end, Math.round(levelEnd));
      if (at < stop) this.stroke(context, at, stop, width, opacity);
      at = Math.max(at, stop);
    }
    if (end < this.edges.length) {
      this.pending = requestAnimationFrame(() => this.drawFrom(end, context, zoom));
    } else {
      this.show(zoom);
    }
  }

  stroke(context, begin, end, width, opacity) {
    const {state, frame} = this;
    const {columns, weights} = state.graph;
    const {x, y} = frame.layout;
    const curved = this.edges.length <= CURVES_UP_TO;
    context.lineWidth = width;
    context.globalAlpha = opacity * Math.min(1, Math.sqrt(OPAQUE_UP_TO / this.edges.length));
    for (const sign of [-1, 1]) {
      context.beginPath();
      for (let i = begin; i < end; ++i) {
        const e = this.edges[i];
        if (weights[e] >= 0 !== sign > 0) continue;
        const source = columns[e];
        const target = state.pruning.targets[e];
        const x0 = frame.x(x[source]);
        const y0 = frame.y(y[source]);
        const x1 = frame.x(x[target]);
        const y1 = frame.y(y[target]);
        if (curved) {
          addCurve(context, x0, y0, x1, y1);
        } else {
          context.moveTo(x0, y0);
          context.lineTo(x1, y1);
        }
      }
      context.strokeStyle = edgeColor(this.palette, sign);
      context.stroke();
    }
  }

  /** Puts the finished picture in the place of the old one. */
  show(zoom) {
    this.canvas.width = this.spare.width;
    this.canvas.height = this.spare.height;
    this.canvas.getContext('2d').drawImage(this.spare, 0, 0);
    this.drawnZoom = zoom;
    const {zoom: now} = this.frame;
    if (now.k === zoom.k && now.x === zoom.x && now.y === zoom.y) {
      this.canvas.style.transform = '';
    } else {
      this.move();
    }
  }
}
