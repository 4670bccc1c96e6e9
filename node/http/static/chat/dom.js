/**
 * Elements, made of what they are called, have and hold. What is put into one is an element or
 * text; text is only ever text, whoever wrote it.
 */

/**
 * @param {string} tag such as "button", with classes behind dots: "button.quiet.wide"
 * @param {Record<string, unknown>} [has] attributes; `true` sets one without a value, `false`, `null`
 *   and `undefined` leave it out; a function is called on the event of that name
 * @param {...(Node | string)} holds
 * @returns {HTMLElement}
 */
export function make(tag, has = {}, ...holds) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [attribute, value] of Object.entries(has)) {
    if (typeof value === "function") element.addEventListener(attribute, /** @type {any} */ (value));
    else if (value === true) element.setAttribute(attribute, "");
    else if (value !== false && value != null) element.setAttribute(attribute, String(value));
  }
  element.append(...holds);
  return element;
}

/**
 * Somebody's words or name, kept from changing the direction of what stands around them.
 *
 * @param {string} tag
 * @param {...(Node | string)} holds
 */
export function foreign(tag, ...holds) {
  return make(tag, { dir: "auto" }, ...holds);
}

/**
 * The element of the page with this id. It's there: index.html has it.
 *
 * @param {string} id
 * @returns {any}
 */
export function found(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element;
}
