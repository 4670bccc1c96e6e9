// A table that is sorted by its headings and brought up to date in place.
//
//   const show = table(element, columns, { key, sort: "-rate" });
//   show(rows)   every second
//
// A row of the page stays the same element as long as its key is there, so that focus and what is
// selected stay. The order holds still while somebody points at the rows or is among them by
// keyboard: nothing jumps away under a finger.
//
// A column: { name, title, value(row): what it's sorted by; text(row): what is shown, by default
// the value; fill(cell, row): instead of text; numeric; down: sorted from the top
// first, as numbers are; fixed: it can't be sorted by; quiet: its title is only read aloud; head: it
// names the row }.

import { make, mark, tell } from "./dom.js";

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function compare(a, b) {
  if (typeof a === "number" || typeof b === "number") {
    return (a ?? -Infinity) - (b ?? -Infinity);
  }
  return collator.compare(a ?? "", b ?? "");
}

/**
 * Returns show(rows). `empty`: what stands there if there are none; `most`: how many rows there are
 * at most; `last(row)`: whether it comes after all others, however they're sorted.
 */
export function table(element, columns, { key, sort, empty, most = Infinity, last = () => false }) {
  const roles = element.classList.contains("cards");  // laid out by blocks it would lose them
  const role = (name) => (roles ? { role: name } : {});
  let [by, down] = sort.startsWith("-") ? [sort.slice(1), true] : [sort, false];
  let shown = [];
  const rows = new Map();
  if (roles) element.setAttribute("role", "table");

  const heads = columns.map((column) => {
    const th = make("th", { scope: "col", class: column.numeric && "number", ...role("columnheader") });
    if (column.fixed) th.append(make("span", { class: column.quiet && "unseen" }, column.title));
    else {
      const button = make("button", { type: "button", class: "sort" }, column.title);
      button.addEventListener("click", () => {
        down = by === column.name ? !down : Boolean(column.down ?? column.numeric);
        by = column.name;
        order(true);
      });
      th.append(button);
    }
    return th;
  });
  const body = make("tbody", role("rowgroup"));
  const none = make("tr", role("row"), make("td", { colspan: columns.length, class: "none", ...role("cell") }, empty));
  element.append(make("thead", role("rowgroup"), make("tr", role("row"), ...heads)), body);

  function newRow() {
    const cells = columns.map((column) =>
      column.head
        ? make("th", { scope: "row", ...role("rowheader") })
        : make("td", { class: column.numeric && "number", ...role("cell") }));
    cells.forEach((cell, i) => {
      if (roles && !columns[i].head) cell.setAttribute("data-title", columns[i].title);
    });
    return { element: make("tr", role("row"), ...cells), cells };
  }

  function held() {
    return body.matches(":hover") || (body.contains(document.activeElement) && document.activeElement !== body);
  }

  function order(anyway = false) {
    columns.forEach((column, i) => {
      const direction = column.name === by ? (down ? "descending" : "ascending") : null;
      if (!column.fixed) mark(heads[i], "aria-sort", direction);
    });
    const column = columns.find((each) => each.name === by);
    const sorted = [...shown].sort((a, b) => {
      if (last(a) !== last(b)) return last(a) ? 1 : -1;
      const found = compare(column.value(a), column.value(b));
      return (down ? -found : found) || compare(key(a), key(b));
    });
    let wanted = sorted.slice(0, most);
    if (!anyway && held()) {
      const there = new Map([...rows].map(([name, row]) => [name, [...body.children].indexOf(row.element)]));
      wanted = [...shown]
        .filter((row) => there.has(key(row)))
        .sort((a, b) => there.get(key(a)) - there.get(key(b)));
      wanted.push(...sorted.filter((row) => !there.has(key(row))).slice(0, Math.max(0, most - wanted.length)));
    }
    const names = new Set(wanted.map(key));
    for (const [name, row] of rows) {
      if (!names.has(name)) {
        row.element.remove();
        rows.delete(name);
      }
    }
    if (!wanted.length) body.replaceChildren(none);
    else none.remove();
    wanted.forEach((values, i) => {
      let row = rows.get(key(values));
      if (!row) rows.set(key(values), (row = newRow()));
      columns.forEach((each, n) => {
        if (each.fill) each.fill(row.cells[n], values, row.element);
        else tell(row.cells[n], String(each.text ? each.text(values) : each.value(values)));
      });
      if (body.children[i] !== row.element) {
        const focused = row.element.contains(document.activeElement) && document.activeElement;
        body.insertBefore(row.element, body.children[i] ?? null);
        if (focused) focused.focus({ preventScroll: true });
      }
    });
  }

  order(true);
  return (now) => {
    shown = now;
    order();
  };
}
