/**
 * The page's state in its address, behind '#', so that a view can be bookmarked and sent. The names
 * are those of circuit-tracer's page where it has one: clickedId, pinnedIds, supernodes, clerps,
 * pruningThreshold.
 */

const DELAY_MS = 250;  // browsers refuse too many changes of the address

/**
 * @param {import('./page_state.js').PageState} state
 * @return {string} Without '#'; empty for the page as it opens.
 */
export function addressOf(state) {
  const {graph} = state;
  const parts = new URLSearchParams();
  if (state.clicked >= 0) parts.set('clickedId', graph.id[state.clicked]);
  if (state.pins.length > 0) parts.set('pinnedIds', state.pins.join(','));
  if (state.groups.length > 0) {
    parts.set(
        'supernodes', JSON.stringify(state.groups.map(({name, members}) => [name, ...members])));
  }
  if (state.labels.size > 0) parts.set('clerps', JSON.stringify([...state.labels]));
  if (state.nodeThreshold !== graph.nodeThreshold)
    parts.set('pruningThreshold', String(state.nodeThreshold));
  if (state.edgeThreshold !== graph.edgeThreshold)
    parts.set('edgeThreshold', String(state.edgeThreshold));
  if (state.background !== 'strongest') parts.set('edges', state.background);
  if (state.theme !== null) parts.set('theme', state.theme);
  return parts.toString();
}

/**
 * Reads an address; what it does not say, or says wrongly, is left as it is.
 *
 * @param {import('./graph_data.js').Graph} graph
 * @param {string} address Without '#'.
 * @return {import('./page_state.js').Changes}
 */
export function changesOf(graph, address) {
  const parts = new URLSearchParams(address);
  const changes = {};
  const clicked = graph.nodeOfId.get(parts.get('clickedId'));
  if (clicked !== undefined) changes.clicked = clicked;
  if (parts.has('pinnedIds'))
    changes.pins = parts.get('pinnedIds').split(',').filter((id) => id !== '');
  const groups = listsOfTexts(parts.get('supernodes'));
  if (groups !== null) changes.groups = groups.map(([name, ...members]) => ({name, members}));
  const labels = listsOfTexts(parts.get('clerps'));
  if (labels !== null) changes.labels = new Map(labels.filter((pair) => pair.length === 2));
  for (const [name, member] of [
           ['pruningThreshold', 'nodeThreshold'], ['edgeThreshold', 'edgeThreshold']]) {
    const value = Number.parseFloat(parts.get(name));
    if (value >= 0 && value <= 1) changes[member] = value;
  }
  if (['none', 'strongest', 'all'].includes(parts.get('edges')))
    changes.background = parts.get('edges');
  if (['light', 'dark'].includes(parts.get('theme'))) changes.theme = parts.get('theme');
  return changes;
}

/** @return {string[][]|null} null unless it is a JSON list of lists of strings, none empty. */
function listsOfTexts(json) {
  let value;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const isList = (list) =>
      Array.isArray(list) && list.length > 0 && list.every((text) => typeof text === 'string');
  return Array.isArray(value) && value.every(isList) ? value : null;
}

/** Follows the state with the address, and the address (typed, or "back") with the state. */
export function bindAddress(state) {
  let timer = 0;
  let written = location.hash.slice(1);
  state.subscribe((changed) => {
    if (changed.size === 1 && (changed.has('hovered') || changed.has('found'))) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      written = addressOf(state);
      history.replaceState(
          null, '', written === '' ? location.pathname + location.search : `#${written}`);
    }, DELAY_MS);
  });
  window.addEventListener('hashchange', () => {
    if (location.hash.slice(1) !== written)
      state.update(changesOf(state.graph, location.hash.slice(1)));
  });
}
