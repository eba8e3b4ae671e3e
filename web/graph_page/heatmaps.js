/** Where image tokens look: the maps that the graph keeps of its pictures. */

export class Heatmaps {
  /**
   * @param {import('./graph_data.js').Graph} graph
   * @param {() => void} onload Called when the maps of a picture have been decoded.
   */
  constructor(graph, onload) {
    /** @type {Map<object, CanvasRenderingContext2D>} By picture, as they are decoded. */
    this.mosaics = new Map();
    for (const picture of graph.pictures) {
      if (!picture.heatmaps) continue;
      const image = new Image();
      image.onload = () => {
        const context = contextOfSize(image.naturalWidth, image.naturalHeight);
        context.drawImage(image, 0, 0);
        this.mosaics.set(picture, context);
        onload();
      };
      image.src = picture.heatmaps;
    }
  }

  /**
   * @param {import('./graph_data.js').Picture} picture
   * @param {number} token Image token of the picture, from 0.
   * @param {string} color
   * @return {HTMLCanvasElement|null} Its map, with a pixel for each patch of the vision tower: the
   *     color, as opaque as the token looks there. null: there is none.
   */
  map(picture, token, color) {
    const mosaic = this.mosaics.get(picture);
    if (mosaic === undefined) return null;
    // A mosaic of square tiles, placed as the tokens are (model/image/heatmap_mosaic.h).
    const size = Math.floor(mosaic.canvas.width / picture.side);
    if (size === 0) return null;
    const tile = mosaic.getImageData(
        token % picture.side * size, Math.floor(token / picture.side) * size, size, size);
    for (let i = 0; i < tile.data.length; i += 4) tile.data[i + 3] = tile.data[i];
    const context = contextOfSize(size, size);
    context.putImageData(tile, 0, 0);
    context.globalCompositeOperation = 'source-in';
    context.fillStyle = color;
    context.fillRect(0, 0, size, size);
    return context.canvas;
  }
}

/** @return {CanvasRenderingContext2D} Of a new canvas, to be read from. */
function contextOfSize(width, height) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  return canvas.getContext('2d', {willReadFrequently: true});
}
