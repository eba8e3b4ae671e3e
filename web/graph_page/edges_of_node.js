/** The kept edges at one node, and how much they matter there. */

/**
 * @typedef {object} NodeEdge
 * @property {number} node The other end.
 * @property {number} weight Signed direct effect on the target.
 * @property {number} share |weight| of all |weight| into the target before pruning, with the sign.
 */

/**
 * @param {import('./graph_data.js').Graph} graph
 * @param {import('./pruning.js').Pruning} pruning
 * @param {number} node
 * @return {{inputs: NodeEdge[], outputs: NodeEdge[]}} By descending |share|.
 */
export function edgesOfNode(graph, pruning, node) {
  const inputs = [];
  const outputs = [];
  for (const e of pruning.edges) {
    const source = graph.columns[e];
    const target = pruning.targets[e];
    if (source !== node && target !== node) continue;
    const weight = graph.weights[e];
    const share = graph.inflow[target] > 0 ? weight / graph.inflow[target] : 0;
    if (target === node) {
      inputs.push({node: source, weight, share});
    } else {
      outputs.push({node: target, weight, share});
    }
  }
  const byShare = (a, b) => Math.abs(b.share) - Math.abs(a.share);
  return {inputs: inputs.sort(byShare), outputs: outputs.sort(byShare)};
}
