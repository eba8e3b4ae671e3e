/** Labels, pins and groups as the JSON that Cajal stores with a graph. */
import {make} from './elements.js';

/**
 * @param {object|null} annotations As stored; null = none.
 * @return {import('./page_state.js').Changes}
 */
export function changesOfAnnotations(annotations) {
  if (annotations === null) return {};
  return {
    pins: annotations.pins ?? [],
    labels: new Map(Object.entries(annotations.labels ?? {})),
    groups: annotations.supernodes ?? [],
  };
}

/** @param {import('./page_state.js').PageState} state */
export function annotationsOf(state) {
  return {labels: Object.fromEntries(state.labels), pins: state.pins, supernodes: state.groups};
}

/** Lets the user save them as a file. */
export function saveAnnotations(state) {
  const json = JSON.stringify(annotationsOf(state), null, 2);
  const link = make('a', {
    href: URL.createObjectURL(new Blob([json], {type: 'application/json'})),
    download: `${state.graph.name.replaceAll(/[^A-Za-z0-9_-]+/g, '-')}-annotations.json`,
  });
  link.click();
  URL.revokeObjectURL(link.href);
}
