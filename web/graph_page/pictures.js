/**
 * The prompt's pictures as the model saw them, with the grid of their soft tokens over them: how
 * much of the shown nodes' influence lies at each patch, and where the pointer is.
 */
import {byId, make} from './elements.js';
import {pictureText} from './words.js';

const SIDE = 232;  // CSS pixels

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
   * @param {(node: number) => void} select
   */
  constructor(state, thumbnails, select) {
    this.state = state;
    this.thumbnails = thumbnails;
    this.select = select;
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
        onpointerleave: () => state.update({hovered: -1}),
        attributes:
            {role: 'img', 'aria-label': `${pictureText(graph, picture)}, as the model saw it`},
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

  draw() {
    const {graph, clicked, hovered} = this.state;
    const style = getComputedStyle(document.documentElement);
    const accent = style.getPropertyValue('--accent');
    const weights = this.weights();
    const largest = Math.max(
        ...graph.pictures.map(({begin, end}) => Math.max(...weights.subarray(begin, end))));
    graph.pictures.forEach((picture, i) => {
      const canvas = this.canvases[i];
      const context = canvas.getContext('2d');
      const size = canvas.width;
      const thumbnail = this.thumbnails.get(picture);
      context.clearRect(0, 0, size, size);
      if (thumbnail) {
        context.imageSmoothingEnabled = thumbnail.naturalWidth > size / 2;
        context.drawImage(thumbnail, 0, 0, size, size);
      } else {
        context.fillStyle = style.getPropertyValue('--band');
        context.fillRect(0, 0, size, size);
      }
      const cell = size / picture.side;
      for (let token = 0; token < picture.end - picture.begin; ++token) {
        const x = token % picture.side * cell;
        const y = Math.floor(token / picture.side) * cell;
        const share = largest > 0 ? weights[picture.begin + token] / largest : 0;
        context.fillStyle = `rgba(0, 0, 0, ${0.5 * (1 - Math.sqrt(share))})`;
        context.fillRect(x, y, cell, cell);
        if (!thumbnail && share > 0) {
          context.globalAlpha = Math.sqrt(share);
          context.fillStyle = accent;
          context.fillRect(x, y, cell, cell);
          context.globalAlpha = 1;
        }
        context.strokeStyle = 'rgba(255, 255, 255, 0.25)';
        context.lineWidth = 1;
        context.strokeRect(x + 0.5, y + 0.5, cell - 1, cell - 1);
      }
      for (const [node, width] of [[hovered, 3], [clicked, 6]]) {
        const token = node < 0 ? -1 : graph.position[node] - picture.begin;
        if (token < 0 || token >= picture.end - picture.begin) continue;
        context.strokeStyle = accent;
        context.lineWidth = width;
        context.strokeRect(
            token % picture.side * cell + width / 2,
            Math.floor(token / picture.side) * cell + width / 2, cell - width, cell - width);
      }
    });
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
    this.state.update({hovered: this.nodeAt(picture, event)});
  }

  clicked(picture, event) {
    const node = this.nodeAt(picture, event);
    if (node >= 0) this.select(node);
  }
}
