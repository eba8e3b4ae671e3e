/**
 * The graph's pane: four canvases above each other, zoom, and what the pointer hits.
 *
 * grid        layers and pictures: redrawn with the nodes
 * background  edges behind the nodes (background_edges.js, in its own time)
 * nodes       redrawn when the zoom, the pruning or the selection changes
 * overlay     the selection's edges, rings, labels and axes: redrawn with the pointer, too
 */
import {quadtree} from 'd3-quadtree';
import {event as d3Event, select} from 'd3-selection';
import {zoom as d3Zoom, zoomIdentity} from 'd3-zoom';

import {BackgroundEdges} from './background_edges.js';
import {drawGrid} from './draw_grid.js';
import {drawNodes} from './draw_nodes.js';
import {drawEdgesOf, drawLabels, drawLayers, drawRings} from './draw_overlay.js';
import {drawPositions} from './draw_positions.js';
import {edgesOfNode} from './edges_of_node.js';
import {byId} from './elements.js';
import {computeLayout} from './layout.js';
import {readPalette} from './palette.js';
import {ViewFrame} from './view_frame.js';

const DEEPEST_ZOOM = 60;
const REACH = 16;  // pixels between the pointer and a node that it means

export class GraphView {
  /**
   * @param {import('./page_state.js').PageState} state
   * @param {Map<object, HTMLImageElement>} thumbnails
   */
  constructor(state, thumbnails) {
    this.state = state;
    this.thumbnails = thumbnails;
    this.frame = new ViewFrame();
    this.pane = byId('graph');
    this.grid = byId('grid');
    this.nodesCanvas = byId('nodes');
    this.overlay = byId('overlay');
    this.background = new BackgroundEdges(byId('background'), state, this.frame);
    this.nodesAreStale = true;
    this.isScheduled = false;
    /** Edges of the selected node, of the hovered node: computed when they change. */
    this.clickedEdges = this.edgesOf(state.clicked);
    this.hoveredEdges = null;

    this.recolor();
    this.addZoom();
    this.addPointer();
    state.subscribe((changed) => this.changed(changed));
    new ResizeObserver(() => this.resize()).observe(this.pane);
    this.resize();
  }

  addZoom() {
    this.zoomer = d3Zoom()
                      .scaleExtent([1, DEEPEST_ZOOM])
                      .filter(() => !d3Event.button)
                      .on('zoom', () => this.zoomed(d3Event.transform));
    this.zoomed$ = select(this.overlay).call(this.zoomer).on('dblclick.zoom', null);
  }

  addPointer() {
    this.overlay.addEventListener('pointermove', (event) => {
      this.state.update({hovered: event.buttons ? -1 : this.nodeAt(event.offsetX, event.offsetY)});
    });
    this.overlay.addEventListener('pointerleave', () => this.state.update({hovered: -1}));
    this.overlay.addEventListener('click', (event) => {
      const node = this.nodeAt(event.offsetX, event.offsetY);
      if (event.shiftKey && node >= 0) {
        this.state.togglePin(node);
      } else {
        this.state.update({clicked: node});
      }
    });
  }

  /** @return {number} The shown node nearest to a point of the pane within reach, or -1. */
  nodeAt(x, y) {
    const {frame} = this;
    const {zoom} = frame;
    const reach = Math.max(REACH, frame.radius) / zoom.k;
    return this.tree.find((x - zoom.x) / zoom.k, (y - zoom.y) / zoom.k, reach) ?? -1;
  }

  changed(changed) {
    if (changed.has('theme')) this.recolor();
    if (changed.has('pruning')) this.layOut();
    if (changed.has('theme') || changed.has('background')) this.background.choose();
    if (changed.has('clicked') || changed.has('pruning'))
      this.clickedEdges = this.edgesOf(this.state.clicked);
    if (changed.has('hovered') || changed.has('pruning'))
      this.hoveredEdges = this.edgesOf(this.state.hovered);
    if (changed.has('clicked') || changed.has('pruning') || changed.has('theme'))
      this.nodesAreStale = true;
    this.schedule();
  }

  edgesOf(node) {
    return node >= 0 && this.state.isShown(node) ?
        edgesOfNode(this.state.graph, this.state.pruning, node) :
        null;
  }

  recolor() {
    this.palette = readPalette();
    this.background.palette = this.palette;
  }

  resize() {
    const {clientWidth, clientHeight} = this.pane;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.frame.width = clientWidth;
    this.frame.height = clientHeight;
    const ratio = window.devicePixelRatio;
    for (const canvas of [this.grid, this.nodesCanvas, this.overlay]) {
      canvas.width = Math.round(ratio * clientWidth);
      canvas.height = Math.round(ratio * clientHeight);
    }
    this.zoomer.extent([[0, 0], [clientWidth, clientHeight]]).translateExtent([
      [0, 0], [clientWidth, clientHeight]
    ]);
    this.layOut();
    this.schedule();
  }

  /** The nodes' places, after pruning or a new size. */
  layOut() {
    const {frame, state} = this;
    frame.layout = computeLayout(state.graph, state.pruning.nodes);
    const atRest = new ViewFrame();
    Object.assign(atRest, {width: frame.width, height: frame.height, layout: frame.layout});
    const shown = [];
    for (let node = 0; node < state.graph.nNodes; ++node) {
      if (state.isShown(node)) shown.push(node);
    }
    this.tree = quadtree(
        shown, (node) => atRest.x(frame.layout.x[node]), (node) => atRest.y(frame.layout.y[node]));
    this.nodesAreStale = true;
    this.background.choose();
  }

  zoomed({x, y, k}) {
    this.frame.zoom = {x, y, k};
    this.nodesAreStale = true;
    this.background.move();
    this.schedule();
  }

  zoomBy(factor) {
    this.zoomed$.call(this.zoomer.scaleBy, factor);
  }

  zoomToFit() {
    this.zoomed$.call(this.zoomer.transform, zoomIdentity);
  }

  /** Moves the graph until the node is in sight. */
  reveal(node) {
    const {frame} = this;
    const x = frame.x(frame.layout.x[node]);
    const y = frame.y(frame.layout.y[node]);
    const isSeen = x > 50 && x < frame.width - 20 && y > 10 && y < frame.height - 80;
    if (isSeen) return;
    const {zoom} = frame;
    this.zoomed$.call(this.zoomer.translateTo, (x - zoom.x) / zoom.k, (y - zoom.y) / zoom.k);
  }

  schedule() {
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.isScheduled = false;
    if (this.frame.layout === null) return;
    const {state, frame, palette} = this;
    if (this.nodesAreStale) {
      drawGrid(this.cleared(this.grid), state, frame, palette);
      drawNodes(this.cleared(this.nodesCanvas), state, frame, palette, this.linked());
      this.nodesAreStale = false;
    }
    const context = this.cleared(this.overlay);
    if (this.clickedEdges)
      drawEdgesOf(context, state, frame, palette, state.clicked, this.clickedEdges, 1);
    if (this.hoveredEdges && state.hovered !== state.clicked) {
      drawEdgesOf(
          context, state, frame, palette, state.hovered, this.hoveredEdges,
          this.clickedEdges ? 0.4 : 0.8);
    }
    drawRings(context, state, frame, palette);
    drawLabels(context, state, frame, palette);
    drawLayers(context, state, frame, palette);
    drawPositions(context, state, frame, palette, this.thumbnails);
  }

  /** Shares of the selected node's neighbours; null without a selection. */
  linked() {
    if (!this.clickedEdges) return null;
    const {inputs, outputs} = this.clickedEdges;
    return new Map([...inputs, ...outputs].map(({node, share}) => [node, share]));
  }

  cleared(canvas) {
    const context = canvas.getContext('2d');
    const ratio = window.devicePixelRatio;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.frame.width, this.frame.height);
    return context;
  }
}
