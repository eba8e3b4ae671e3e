/**
 * Reads the graph that the page was made with (model/graph/page_data.h writes it).
 *
 * Nodes are numbered as they stand in the document: features, errors, tokens, logits, each in the
 * order of circuit-tracer's graphs. A row is a target, a column a source.
 */

/** What a node is; the numbers are those of the document. */
export const Kind = Object.freeze({FEATURE: 0, ERROR: 1, TOKEN: 2, LOGIT: 3});

/**
 * A picture, or a crop of one, and the run of positions of its soft tokens: a square grid, row by
 * row.
 *
 * @typedef {object} Picture
 * @property {number} image Index of the picture in the prompt.
 * @property {number} crop -1: the whole picture; from 0: its pan-and-scan crops.
 * @property {number} begin First position.
 * @property {number} end Behind the last position.
 * @property {number} side Soft tokens in a row or column of the grid.
 * @property {string} [thumbnail] data: URL; absent when the graph does not keep it.
 * @property {string} [heatmaps] The same, of where its image tokens look.
 */

/**
 * @typedef {object} Graph
 * @property {string} name The graph's id, or what else it was to be called.
 * @property {string} generator "Cajal 0.1.0".
 * @property {number} createTime Milliseconds since 1970; 0 = not known.
 * @property {string} model
 * @property {string} transcoders
 * @property {string} prompt
 * @property {string[]} tokens Text at each position.
 * @property {Picture[]} pictures
 * @property {number} nLayers
 * @property {{n_nodes: number, n_edges: number}} whole Sizes before pruning.
 * @property {{replacement: number, completeness: number}} scores
 * @property {number} nodeThreshold Where the slider stands at first.
 * @property {number} askedNodeThreshold What was asked for; larger when it was beyond the reach.
 * @property {number} edgeThreshold Where the slider stands at first.
 * @property {number} reach Largest node threshold that the page's nodes and edges can show.
 * @property {{token: string, probability: number, weight: number}[]} logits
 * @property {number} nNodes
 * @property {number} firstToken Tokens and logits, which are always kept, start here.
 * @property {number} firstLogit
 * @property {string[]} id circuit-tracer's node ids.
 * @property {Uint8Array} kind
 * @property {Int32Array} layer -1 for tokens, nLayers for logits.
 * @property {Int32Array} position
 * @property {number[]} index Feature number; -1 for errors; token id for tokens and logits.
 * @property {Float64Array} keptAbove A threshold above it keeps the node.
 * @property {Float64Array} influence Share of all influence that this node and all more influential
 *     ones carry.
 * @property {Float64Array} inflow Sum of |weight| of all edges into the node, before pruning.
 * @property {(number|null)[]} activation Of features.
 * @property {(number|null)[]} value Pre-activation of features, demeaned logit of logits.
 * @property {Uint32Array} rowBegin Node t's edges are [rowBegin[t], rowBegin[t + 1]).
 * @property {Uint16Array} columns Source of each edge.
 * @property {Float32Array} weights Of each edge, signed.
 * @property {Map<string, number>} nodeOfId
 * @property {object|null} annotations Labels, pins and groups that were stored with the graph.
 */

/**
 * @param {string} base64
 * @return {ArrayBuffer} What it stands for, little-endian as it was written.
 */
function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

/**
 * @param {object} run As in the document.
 * @return {Picture}
 */
function pictureOf(run) {
  return {...run, side: Math.max(1, Math.round(Math.sqrt(run.end - run.begin)))};
}

/**
 * @param {string} text The document.
 * @return {Graph}
 */
export function readGraph(text) {
  const document = JSON.parse(text);
  const {nodes, edges} = document;
  const kind = Uint8Array.from(nodes.kind);
  return {
    name: document.name,
    generator: document.generator,
    createTime: document.create_time_unix_ms,
    model: document.model,
    transcoders: document.transcoders,
    prompt: document.prompt,
    tokens: document.tokens,
    pictures: document.images.map(pictureOf),
    nLayers: document.n_layers,
    whole: document.whole,
    scores: document.scores,
    nodeThreshold: document.node_threshold,
    askedNodeThreshold: document.asked_node_threshold,
    edgeThreshold: document.edge_threshold,
    reach: document.reach,
    logits: document.logits,
    nNodes: kind.length,
    firstToken: kind.indexOf(Kind.TOKEN),
    firstLogit: kind.indexOf(Kind.LOGIT),
    id: nodes.id,
    kind,
    layer: Int32Array.from(nodes.layer),
    position: Int32Array.from(nodes.position),
    index: nodes.index,
    keptAbove: Float64Array.from(nodes.kept_above),
    influence: Float64Array.from(nodes.influence),
    inflow: Float64Array.from(nodes.inflow),
    activation: nodes.activation,
    value: nodes.value,
    rowBegin: new Uint32Array(bytesOf(edges.row_begin)),
    columns: new Uint16Array(bytesOf(edges.columns)),
    weights: new Float32Array(bytesOf(edges.weights)),
    nodeOfId: new Map(nodes.id.map((id, node) => [id, node])),
    annotations: document.annotations,
  };
}

/**
 * @param {Graph} graph
 * @param {number} position
 * @return {{picture: Picture, row: number, column: number}|null} Where in a picture the position
 *     is.
 */
export function placeInPicture(graph, position) {
  for (const picture of graph.pictures) {
    if (position < picture.begin || position >= picture.end) continue;
    const token = position - picture.begin;
    return {picture, row: Math.floor(token / picture.side), column: token % picture.side};
  }
  return null;
}
