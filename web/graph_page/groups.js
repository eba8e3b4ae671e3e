/**
 * Groups of nodes (Cajal's supernodes): who is in which, and the edges between them. Pure functions
 * of the state.
 */

/**
 * What the pinned graph shows: a group that is in no other, or a single pin that is in no group.
 *
 * @typedef {object} Item
 * @property {import('./page_state.js').Group|null} group
 * @property {number[]} nodes Nodes of the page in it; one for a single pin.
 */

/**
 * @param {import('./page_state.js').PageState} state
 * @param {import('./page_state.js').Group} group
 * @param {Set<string>} [path] Groups around it, so that a group in itself ends somewhere.
 * @return {number[]} The page's nodes in a group and in the groups in it.
 */
export function nodesOfGroup(state, group, path = new Set()) {
  if (path.has(group.name)) return [];
  const inside = new Set(path).add(group.name);
  return group.members.flatMap((member) => {
    const node = state.graph.nodeOfId.get(member);
    if (node !== undefined) return [node];
    const inner = state.groups.find(({name}) => name === member);
    return inner === undefined ? [] : nodesOfGroup(state, inner, inside);
  });
}

/**
 * @param {import('./page_state.js').PageState} state
 * @return {Item[]}
 */
export function pinnedItems(state) {
  const members = new Set(state.groups.flatMap((group) => group.members));
  const groups = state.groups.filter(({name}) => !members.has(name));
  const grouped = new Set(groups.flatMap((group) => nodesOfGroup(state, group)));
  const singles = state.pins.map((id) => state.graph.nodeOfId.get(id))
                      .filter((node) => node !== undefined && !grouped.has(node));
  return [
    ...groups.map((group) => ({group, nodes: nodesOfGroup(state, group)}))
        .filter(({nodes}) => nodes.length > 0),
    ...singles.map((node) => ({group: null, nodes: [node]})),
  ];
}

/**
 * Edges between items are sums over their members' kept edges; edges inside of an item are left
 * out.
 *
 * @param {import('./page_state.js').PageState} state
 * @param {Item[]} items
 * @return {{source: number, target: number, weight: number}[]} Indices of items; weakest first.
 */
export function edgesBetween(state, items) {
  const {graph, pruning} = state;
  const itemOf = new Int32Array(graph.nNodes).fill(-1);
  items.forEach(({nodes}, i) => nodes.forEach((node) => itemOf[node] = i));
  const sums = new Map();
  for (const e of pruning.edges) {
    const source = itemOf[graph.columns[e]];
    const target = itemOf[pruning.targets[e]];
    if (source < 0 || target < 0 || source === target) continue;
    const key = source * items.length + target;
    sums.set(key, (sums.get(key) ?? 0) + graph.weights[e]);
  }
  return [...sums]
      .map(
          ([key, weight]) =>
              ({source: Math.floor(key / items.length), target: key % items.length, weight}))
      .sort((a, b) => Math.abs(a.weight) - Math.abs(b.weight));
}

/**
 * @param {import('./page_state.js').Group[]} groups
 * @return {string} "group 3": one that is not taken.
 */
export function freeName(groups) {
  let n = groups.length + 1;
  while (groups.some(({name}) => name === `group ${n}`)) ++n;
  return `group ${n}`;
}

/**
 * @param {import('./page_state.js').Group[]} groups
 * @param {string} from
 * @param {string} to
 * @return {import('./page_state.js').Group[]} With the new name, also where the group is a member;
 *     the same list when the name is empty or taken. Cajal's names have no commas.
 */
export function renamed(groups, from, to) {
  const name = to.replaceAll(/[,\u0000-\u001f]/g, ' ').trim();
  if (name === '' || groups.some((group) => group.name === name)) return groups;
  const rename = (text) => text === from ? name : text;
  return groups.map((group) => ({name: rename(group.name), members: group.members.map(rename)}));
}

/**
 * @return {import('./page_state.js').Group[]} Without the group; its members become single again.
 */
export function dissolved(groups, name) {
  return groups.filter((group) => group.name !== name)
      .map((group) => ({...group, members: group.members.filter((member) => member !== name)}))
      .filter((group) => group.members.length > 0);
}
