/**
 * The prompt's pictures as the model saw them. Over each lies the grid of its soft tokens, bright
 * where much of the shown nodes' influence is; or, while a node at one of them is selected or
 * pointed at elsewhere on the page, where this token looks.
 */
import {byId, make} from './elements.js';
import {pictureText} from './words.js';

const SIDE = 232;  // CSS pixels
// Over all of the picture, and under the map, so that the map is seen on bright pictures.
const MAP_SHADE = 'rgba(0, 0, 0, 0.5)';
const MAP_OPACITY = 0.8;

/**
 * @param {import('./graph_data.js').Graph} graph
 * @param {() => void} onload Called when a thumbnail has been decoded.
 * @return {Map<object, HTMLImageElement>} Filled as they are.
 */
export function loadThumbnails(graph, onload) {
  const thumbnails = new Map();
  for (const picture of graph.pictures) {
    if (!picture.thumbnail) continue;
    const image = new Image();
    image.onload = () => {
      thumbnails.set(picture, image);
      onload();
    };
    image.src = picture.thumbnail;
  }
  return thumbnails;
}

export class Pictures {
  /**
   * @param {import('./page_state.js').PageState} state
   * @param {Map<object, HTMLImageElement>} thumbnails
   * @param {import('./heatmaps.js').Heatmaps} heatmaps
   * @param {(node: number) => void} select
   */
  constructor(state, thumbnails, heatmaps, select) {
    this.state = state;
    this.thumbnails = thumbnails;
    this.heatmaps = heatmaps;
    this.select = select;
    /** Whether the pointer is on a picture: there it chooses among patches. */
    this.isPointedAt = false;
    this.section = byId('pictures');
    const {graph} = state;
    if (graph.pictures.length === 0) return;
    this.section.hidden = false;
    this.canvases = graph.pictures.map((picture) => {
      const canvas = make('canvas', {
        width: SIDE * 2,
        height: SIDE * 2,
        onclick: (event) => this.clicked(picture, event),
        onpointermove: (event) => this.moved(picture, event),
        onpointerleave: () => this.left(),
        attributes: {role: 'img'},
      });
      this.section.append(
          make('figure', {}, canvas, make('figcaption', {}, pictureText(graph, picture))));
      return canvas;
    });
    state.subscribe((changed) => {
      if (['pruning', 'clicked', 'hovered', 'theme'].some((name) => changed.has(name))) this.draw();
    });
    this.draw();
  }

  /** Share of influence of the shown features and errors at each position. */
  weights() {
    const {graph, pruning} = this.state;
    const weights = new Float64Array(graph.tokens.length);
    for (let node = 0; node < graph.firstToken; ++node) {
      if (!pruning.nodes[node]) continue;
      weights[graph.position[node]] += graph.influence[node] - graph.keptAbove[node];
    }
    return weights;
  }

  /** @return {number} Which of the picture's image tokens the node is at, from 0; -1 = none. */
  tokenOf(picture, node) {
    const position = node < 0 ? -1 : this.state.graph.position[node];
    return position >= picture.begin && position < picture.end ? position - picture.begin : -1;
  }

  /** @return {number} The image token whose map the picture shows; -1 = it shows influence. */
  lookingToken(picture) {
    const {clicked, hovered} = this.state;
    const ofHovered = this.isPointedAt ? -1 : this.tokenOf(picture, hovered);
    return ofHovered >= 0 ? ofHovered : this.tokenOf(picture, clicked);
  }

  draw() {
    const {graph} = this.state;
    const style = getComputedStyle(document.documentElement);
    const weights = this.weights();
    const largest = Math.max(
        ...graph.pictures.map(({begin, end}) => Math.max(...weights.subarray(begin, end))));
    graph.pictures.forEach((picture, i) => {
      const canvas = this.canvases[i];
      const context = canvas.getContext('2d');
      this.drawThumbnail(context, style, picture);
      const token = this.lookingToken(picture);
      const heat = style.getPropertyValue('--heat');
      const map = token < 0 ? null : this.heatmaps.map(picture, token, heat);
      const what = map === null ?
          'as the model saw it' :
          `where the image token of row ${Math.floor(token / picture.side) + 1}, column ${
              token % picture.side + 1} looks`;
      canvas.setAttribute('aria-label', `${pictureText(graph, picture)}, ${what}`);
      if (map === null) {
        this.drawInfluence(context, style, picture, weights, largest);
      } else {
        context.fillStyle = MAP_SHADE;
        context.fillRect(0, 0, canvas.width, canvas.height);
        context.imageSmoothingEnabled = true;
        context.globalAlpha = MAP_OPACITY;
        context.drawImage(map, 0, 0, canvas.width, canvas.height);
        context.globalAlpha = 1;
      }
      this.outline(context, style, picture);
    });
  }

  drawThumbnail(context, style, picture) {
    const size = context.canvas.width;
    const thumbnail = this.thumbnails.get(picture);
    context.clearRect(0, 0, size, size);
    if (thumbnail) {
      context.imageSmoothingEnabled = thumbnail.naturalWidth > size / 2;
      context.drawImage(thumbnail, 0, 0, size, size);
    } else {
      context.fillStyle = style.getPropertyValue('--band');
      context.fillRect(0, 0, size, size);
    }
  }

  /** @param {Float64Array} weights At each position. @param {number} largest Of all pictures. */
  drawInfluence(context, style, picture, weights, largest) {
    const cell = context.canvas.width / picture.side;
    const thumbnail = this.thumbnails.get(picture);
    for (let token = 0; token < picture.end - picture.begin; ++token) {
      const x = token % picture.side * cell;
      const y = Math.floor(token / picture.side) * cell;
      const share = largest > 0 ? weights[picture.begin + token] / largest : 0;
      context.fillStyle = `rgba(0, 0, 0, ${0.5 * (1 - Math.sqrt(share))})`;
      context.fillRect(x, y, cell, cell);
      if (!thumbnail && share > 0) {
        context.globalAlpha = Math.sqrt(share);
        context.fillStyle = style.getPropertyValue('--accent');
        context.fillRect(x, y, cell, cell);
        context.globalAlpha = 1;
      }
      context.strokeStyle = 'rgba(255, 255, 255, 0.25)';
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 0.5, cell - 1, cell - 1);
    }
  }

  /** Squares around the tokens of the hovered and the clicked node. */
  outline(context, style, picture) {
    const {clicked, hovered} = this.state;
    const cell = context.canvas.width / picture.side;
    for (const [node, width] of [[hovered, 3], [clicked, 6]]) {
      const token = this.tokenOf(picture, node);
      if (token < 0) continue;
      const x = token % picture.side * cell;
      const y = Math.floor(token / picture.side) * cell;
      context.strokeStyle = style.getPropertyValue('--accent');
      context.lineWidth = width;
      context.strokeRect(x + width / 2, y + width / 2, cell - width, cell - width);
    }
  }

  /** @return {number} The most influential shown node at a point of the picture, or -1. */
  nodeAt(picture, event) {
    const {graph} = this.state;
    const box = event.target.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / box.width * picture.side);
    const row = Math.floor((event.clientY - box.top) / box.height * picture.side);
    const position = picture.begin + row * picture.side + column;
    let best = -1;
    for (let node = 0; node < graph.firstLogit; ++node) {
      if (graph.position[node] !== position || !this.state.isShown(node)) continue;
      if (best < 0 || graph.influence[node] < graph.influence[best]) best = node;
    }
    return best;
  }

  moved(picture, event) {
    this.isPointedAt = true;
    this.state.update({hovered: this.nodeAt(picture, event)});
  }

  left() {
    this.isPointedAt = false;
    this.state.update({hovered: -1});
  }

  clicked(picture, event) {
    const node = this.nodeAt(picture, event);
    if (node >= 0) this.select(node);
  }
}
