/**
 * All that can change on the page, and who wants to know.
 *
 * One owner of the truth: views read its members, change them through `update` alone, and are told
 * of every change. Pins, labels and groups name nodes by their ids, so that those the page does not
 * hold survive being saved.
 */
import {Pruner} from './pruning.js';

/**
 * A named group; members are node ids and names of other groups (a supernode of Cajal's).
 *
 * @typedef {{name: string, members: string[]}} Group
 */

/**
 * @typedef {object} Changes
 * @property {number} [nodeThreshold]
 * @property {number} [edgeThreshold]
 * @property {number} [clicked] Node, -1 = none.
 * @property {number} [hovered] Node, -1 = none.
 * @property {string[]} [pins]
 * @property {Map<string, string>} [labels] By node id.
 * @property {Group[]} [groups]
 * @property {'none'|'strongest'|'all'} [background] Which edges are drawn behind the nodes.
 * @property {Set<number>} [found] Nodes that the search has found.
 * @property {'light'|'dark'|null} [theme] null = the system's.
 */

export class PageState {
  /** @param {import('./graph_data.js').Graph} graph */
  constructor(graph) {
    this.graph = graph;
    this.nodeThreshold = graph.nodeThreshold;
    this.edgeThreshold = graph.edgeThreshold;
    this.clicked = -1;
    this.hovered = -1;
    /** @type {string[]} */
    this.pins = [];
    /** @type {Map<string, string>} */
    this.labels = new Map();
    /** @type {Group[]} */
    this.groups = [];
    this.background = 'strongest';
    /** @type {Set<number>} */
    this.found = new Set();
    this.theme = null;

    this.pruner = new Pruner(graph);
    /** @type {import('./pruning.js').Pruning} */
    this.pruning = this.pruner.prune(this.nodeThreshold, this.edgeThreshold);
    /** @type {((changed: Set<string>) => void)[]} */
    this.listeners = [];
  }

  /**
   * @param {(changed: Set<string>) => void} listener Gets the names of the members that changed;
   *     'pruning' is one of them when a threshold has changed.
   */
  subscribe(listener) {
    this.listeners.push(listener);
  }

  /** @param {Changes} changes */
  update(changes) {
    const changed = new Set();
    for (const [name, value] of Object.entries(changes)) {
      if (this[name] === value) continue;
      this[name] = value;
      changed.add(name);
    }
    if (changed.has('nodeThreshold') || changed.has('edgeThreshold')) {
      this.nodeThreshold = Math.min(Math.max(this.nodeThreshold, 0), this.graph.reach);
      this.edgeThreshold = Math.min(Math.max(this.edgeThreshold, 0), 1);
      this.pruning = this.pruner.prune(this.nodeThreshold, this.edgeThreshold);
      changed.add('pruning');
    }
    if (changed.size > 0) this.changed(changed);
  }

  /** Tells all views what has changed. @param {Set<string>} changed */
  changed(changed) {
    for (const listener of this.listeners) listener(changed);
  }

  /** @return {boolean} Whether the thresholds keep a node. */
  isShown(node) {
    return this.pruning.nodes[node] === 1;
  }

  togglePin(node) {
    const id = this.graph.id[node];
    const pins =
        this.pins.includes(id) ? this.pins.filter((pin) => pin !== id) : [...this.pins, id];
    this.update({pins});
  }

  /** An empty label is none. */
  setLabel(node, label) {
    const labels = new Map(this.labels);
    if (label) {
      labels.set(this.graph.id[node], label);
    } else {
      labels.delete(this.graph.id[node]);
    }
    this.update({labels});
  }
}
