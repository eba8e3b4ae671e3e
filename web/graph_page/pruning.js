/**
 * Pruning in the browser, with the same result as model/graph/pruning.h (circuit-tracer's
 * prune_graph) for every node threshold up to the page's reach.
 */
import {Kind} from './graph_data.js';
import {scoreThreshold} from './score_threshold.js';

const MIN_ROW_SUM = 1e-10;  // circuit-tracer's clamp in normalize_matrix

/**
 * @typedef {object} Pruning
 * @property {Uint8Array} nodes 1 = kept.
 * @property {Uint32Array} edges The kept ones, ascending.
 * @property {Uint16Array} targets Target of each edge of the graph, kept or not.
 * @property {number} nNodes How many are kept.
 */

/** Prunes one graph again and again; keeps what does not change between two calls. */
export class Pruner {
  /** @param {import('./graph_data.js').Graph} graph */
  constructor(graph) {
    this.graph = graph;
    this.targets = new Uint16Array(graph.columns.length);
    for (let row = 0; row < graph.nNodes; ++row) {
      this.targets.fill(row, graph.rowBegin[row], graph.rowBegin[row + 1]);
    }
    this.logitWeights = new Float64Array(graph.nNodes);
    graph.logits.forEach(({weight}, i) => this.logitWeights[graph.firstLogit + i] = weight);
    this.scores = new Float64Array(graph.columns.length);
    /** The node threshold that `influential` and `scores` are of. */
    this.scoredThreshold = -1;
    this.influential = new Uint8Array(graph.nNodes);
  }

  /**
   * @param {number} nodeThreshold 0 to graph.reach.
   * @param {number} edgeThreshold 0 to 1.
   * @return {Pruning}
   */
  prune(nodeThreshold, edgeThreshold) {
    if (nodeThreshold !== this.scoredThreshold) {
      this.chooseNodes(nodeThreshold);
      this.scoreEdges();
      this.scoredThreshold = nodeThreshold;
    }
    const cut = scoreThreshold(this.scores, edgeThreshold);
    let n = 0;
    const kept = new Uint32Array(this.scores.length);
    for (let e = 0; e < this.scores.length; ++e) {
      if (this.scores[e] > 0 && this.scores[e] >= cut) kept[n++] = e;
    }
    return this.dropDeadEnds(kept.subarray(0, n));
  }

  /** Keeps the nodes that carry `threshold` of all influence; tokens and logits always. */
  chooseNodes(threshold) {
    const {keptAbove, firstToken, nNodes} = this.graph;
    for (let node = 0; node < nNodes; ++node) {
      this.influential[node] =
          node >= firstToken || keptAbove[node] < threshold || keptAbove[node] === 0 ? 1 : 0;
    }
  }

  /**
   * Scores the edges among the chosen nodes: influence and row sums are taken anew. The graph is in
   * layer order, so one pass over the rows, from the last to the first, does it
   * (model/graph/influence.h).
   */
  scoreEdges() {
    const {rowBegin, columns, weights, nNodes} = this.graph;
    const {influential, scores} = this;
    const influence = new Float64Array(nNodes);
    scores.fill(0);
    for (let row = nNodes - 1; row >= 0; --row) {
      const outflow = influence[row] + this.logitWeights[row];
      if (!influential[row] || outflow === 0) continue;
      let rowSum = 0;
      for (let e = rowBegin[row]; e < rowBegin[row + 1]; ++e) {
        if (influential[columns[e]]) rowSum += Math.abs(weights[e]);
      }
      const factor = outflow / Math.max(rowSum, MIN_ROW_SUM);
      for (let e = rowBegin[row]; e < rowBegin[row + 1]; ++e) {
        if (!influential[columns[e]]) continue;
        scores[e] = Math.abs(weights[e]) * factor;
        influence[columns[e]] += scores[e];
      }
    }
  }

  /**
   * Drops features and errors that lead nowhere and features that nothing leads to, until none is
   * left. In layer order two passes do it: what loses its last output is found from the targets
   * down, what loses its last input from the sources up, and the second takes no output from what
   * the first has kept.
   *
   * @param {Uint32Array} kept Edges, ascending.
   * @return {Pruning}
   */
  dropDeadEnds(kept) {
    const {columns, kind, firstToken, nNodes} = this.graph;
    const {targets} = this;
    const nodes = this.influential.slice();
    const outputs = new Uint32Array(nNodes);
    for (const e of kept) ++outputs[columns[e]];
    // Rows descend; kept edges of a row are together.
    for (let at = kept.length - 1, row = nNodes - 1; row >= 0; --row) {
      const drop = row < firstToken && outputs[row] === 0;
      if (drop) nodes[row] = 0;
      for (; at >= 0 && targets[kept[at]] === row; --at) {
        if (drop) --outputs[columns[kept[at]]];
      }
    }
    for (let row = 0; row < firstToken; ++row) {
      if (outputs[row] === 0) nodes[row] = 0;  // errors, whose targets came after them
    }
    for (let at = 0, row = 0; row < firstToken && kind[row] === Kind.FEATURE; ++row) {
      let inputs = 0;
      for (; at < kept.length && targets[kept[at]] === row; ++at) {
        if (nodes[columns[kept[at]]]) ++inputs;
      }
      if (inputs === 0) nodes[row] = 0;
    }
    const edges = kept.filter((e) => nodes[targets[e]] && nodes[columns[e]]);
    return {nodes, edges, targets, nNodes: nodes.reduce((sum, one) => sum + one, 0)};
  }
}
