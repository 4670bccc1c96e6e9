// Small helps with the document. Text is always set as text: no string becomes markup here.

export const byId = (id) => document.getElementById(id);

/** Make an element: make("td", {class: "x"}, "text", child, ...). */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Set an element's text, if it's another: what is selected or read aloud stays otherwise. */
export function tell(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Set or remove an attribute, if it's another. */
export function mark(element, name, value) {
  if (value == null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A list of terms and values that is brought up to date: facts(dl)([["Clients", "12"], ...]). */
export function facts(list) {
  const rows = new Map();
  return (entries) => {
    const named = new Set(entries.map(([name]) => name));
    for (const [name, row] of rows) {
      if (!named.has(name)) {
        row.box.remove();
        rows.delete(name);
      }
    }
    for (const [name, value, more, level] of entries) {
      let row = rows.get(name);
      if (!row) {
        row = { value: make("dd", { class: "value" }), more: make("dd", { class: "quiet" }) };
        row.box = make("div", {}, make("dt", {}, name), row.value, row.more);
        rows.set(name, row);
        list.append(row.box);
      }
      tell(row.value, value);
      tell(row.more, more ?? "");
      row.more.hidden = !more;
      mark(row.box, "data-level", level);
    }
  };
}
