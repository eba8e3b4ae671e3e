/** Making elements of the page. Texts become text nodes, never markup. */

/**
 * @param {string} tag "button", or "li.item.weak" with classes.
 * @param {object} [properties] Of the element; `on*` listeners too; `attributes` and `dataset` are
 *     objects of their own.
 * @param {...(Node|string|null)} children
 * @return {HTMLElement}
 */
export function make(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  const element = document.createElement(name);
  element.classList.add(...classes);
  const {attributes = {}, dataset = {}, ...rest} = properties;
  Object.assign(element, rest);
  Object.assign(element.dataset, dataset);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @return {HTMLElement} The element with this id. */
export function byId(id) {
  return document.getElementById(id);
}
