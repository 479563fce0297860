// Rows as a table; records as thumbnails.
import { h, size } from "./element.js";

export function table(columns, rows, { name, onsort, sorted, descending } = {}) {
  const heads = columns.map((column) => {
    const arrow = sorted === column.name ? (descending ? " ↓" : " ↑") : "";
    const label = h("span", { class: column.primary_key ? "key" : "" }, column.name + arrow);
    const sortable = onsort && column.kind !== "record";
    return h("th", { class: column.kind, scope: "col", title: column.comment ?? column.name },
      sortable ? h("button", { onclick: () => onsort(column.name) }, label) : label, h("small", {}, column.type));
  });
  const body = rows.map((row) => h("tr", {}, row.map((value, i) => cell(value, columns[i], name))));
  return h("div", { class: "card scroll" }, h("table", {}, h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body)));
}

export function cell(value, column, name) {
  if (value === null) return h("td", { class: `null ${column.kind}` }, "NULL");
  if (column.kind === "record") return h("td", {}, record(JSON.parse(value), name));
  return h("td", { class: column.kind, title: value }, value);
}

function record(address, name) {
  const url = `/api/record?${new URLSearchParams({ name, ...address })}`;
  const told = size(address.bytes);
  if (address.bytes > 4e6) return h("a", { href: url, title: told }, told);
  const image = h("img", { src: url, alt: told, title: told, loading: "lazy", tabindex: 0 });
  image.addEventListener("error", () => image.replaceWith(h("a", { href: url }, told)));
  const show = () => enlarge(url, told);
  image.addEventListener("click", show);
  image.addEventListener("keydown", (event) => event.key === "Enter" && show());
  return image;
}

function enlarge(url, told) {
  const dialog = h("dialog", { onclick: () => dialog.close(), onclose: () => dialog.remove() }, h("img", { src: url, alt: told }), h("p", { class: "soft" }, told));
  document.body.append(dialog);
  dialog.showModal();
}
