// The page: what the address after # says is shown, and every key does what a link does.
import { ask, count, failed, fill, h, run, size, when } from "./element.js";
import { history } from "./history.js";
import { chart, chartable, histogram } from "./plot.js";
import { cell, table } from "./table.js";

const TABS = ["rows", "columns", "history", "diff", "sql"];
const PAGE = 100;
const main = document.getElementById("main"), list = document.getElementById("list"), find = document.getElementById("find");
const keys = document.getElementById("keys");
let datasets = [], shown = 0;

const address = () => {
  const [path, query] = location.hash.slice(1).split("?");
  const [, kind, name, tab] = path.split("/").map(decodeURIComponent);
  return { kind, name, tab: tab ?? "rows", ...Object.fromEntries(new URLSearchParams(query)) };
};
const link = (name, tab = "rows", given = {}) => {
  const query = new URLSearchParams(Object.entries(given).filter(([, value]) => value));
  return `#/d/${encodeURIComponent(name)}/${tab}${query.size ? `?${query}` : ""}`;
};
const go = (to) => { location.hash = to; };

function listed() {
  const asked = find.value.toLowerCase(), at = address();
  fill(list, datasets.filter((d) => d.name.toLowerCase().includes(asked)).map((d) =>
    h("a", { href: link(d.name), title: d.name, "aria-current": at.kind === "d" && at.name === d.name && "page" },
      h("span", {}, d.name), h("span", {}, d.problem ? "!" : count(d.row_count)))));
}

function home(folder) {
  document.title = `${folder} · Space SQL`;
  fill(main, h("h1", {}, folder), h("p", { class: "lead" }, `${datasets.length} dataset${datasets.length === 1 ? "" : "s"}, read-only`),
    h("div", { class: "tiles" }, datasets.map((d) => h("a", { class: "card tile", href: link(d.name) }, h("h2", {}, d.name),
      h("p", {}, d.problem ?? d.comment ?? ""),
      d.problem ? null : h("div", { class: "facts" }, fact(count(d.row_count), d.row_count === 1 ? "row" : "rows"), facts(d.column_count, "column", "columns"),
        d.tags ? facts(d.tags, "tag", "tags") : null, fact(size(d.data_bytes + d.record_bytes), ""), d.kind === "dataset" ? null : h("span", { class: "pill" }, d.kind))))));
}
const facts = (number, one, many) => fact(number, number === 1 ? one : many);
const fact = (number, what) => h("span", {}, h("b", {}, String(number)), ` ${what}`);

function frame(told, at) {
  const version = h("select", { id: "version", "aria-label": "Version", onchange: (event) => go(link(told.name, at.tab, { version: event.target.value })) },
    versions(told, at.version).map(([value, label]) => h("option", { value, selected: value === (at.version ?? "main") }, label)));
  const place = h("section");
  fill(main,
    h("div", { class: "head" }, h("div", {}, h("h1", {}, told.name), told.comment && h("p", { class: "lead" }, told.comment)), version),
    h("div", { class: "facts" }, fact(count(told.row_count), told.row_count === 1 ? "row" : "rows"), facts(told.columns.length, "column", "columns"), fact(size(told.data_bytes), `in ${told.data_files} file${told.data_files === 1 ? "" : "s"}`),
      fact(`#${told.snapshot_id}`, "snapshot"), facts(Object.keys(told.tags).length, "tag", "tags"), facts(Object.keys(told.branches).length, "branch", "branches")),
    h("nav", { class: "tabs", "aria-label": "Views" }, TABS.map((tab, i) =>
      h("a", { href: link(told.name, tab, { version: at.version }), "aria-current": tab === at.tab && "page" }, tab === "sql" ? "SQL" : tab[0].toUpperCase() + tab.slice(1), h("kbd", {}, i + 1)))),
    place);
  return place;
}

function versions(told, also) {
  const known = [...Object.keys(told.branches).map((name) => [name, name]), ...Object.keys(told.tags).map((name) => [name, `${name} (tag)`])];
  const named = new Set(known.map(([value]) => value));
  const numbers = told.snapshots.slice(0, 200).map((s) => [String(s.snapshot_id), `#${s.snapshot_id} ${s.operation}, ${when(s.snapshot_time)}`]);
  const other = also && !named.has(also) && !numbers.some(([value]) => value === also) ? [[also, also]] : [];
  return [...known.sort((a, b) => (b[0] === "main") - (a[0] === "main")), ...other, ...numbers];
}

async function rows(told, at, place) {
  const offset = Number(at.offset ?? 0);
  const given = { name: told.name, version: at.version, where: at.where, order: at.order, descending: at.descending };
  const to = (changes) => go(link(told.name, "rows", { version: at.version, where: at.where, order: at.order, descending: at.descending, ...changes }));
  const where = h("input", { class: "grow", id: "where", placeholder: "Filter, in SQL: score > 0.5 AND label = 'cat'   f", value: at.where ?? "", "aria-label": "Filter", spellcheck: "false",
    onkeydown: (event) => event.key === "Enter" && to({ where: where.value, offset: 0 }) });
  const result = h("div");
  const status = h("span", { class: "soft" });
  const before = h("button", { disabled: !offset, title: "p", onclick: () => to({ offset: Math.max(offset - PAGE, 0) }) }, "←");
  const after = h("button", { disabled: true, title: "n", onclick: () => to({ offset: offset + PAGE }) }, "→");
  before.id = "before"; after.id = "after";
  fill(place, h("div", { class: "bar" }, where, status, before, after), result);
  try {
    const found = await ask("rows", { ...given, offset, limit: PAGE });
    after.disabled = !found.more;
    status.textContent = found.rows.length ? `${count(offset + 1)}–${count(offset + found.rows.length)} of ${count(found.count)}` : "no rows";
    const onsort = (name) => to({ order: name, descending: at.order === name && at.descending !== "true" ? "true" : "", offset: 0 });
    fill(result, table(told.columns, found.rows, { name: told.name, onsort, sorted: at.order, descending: at.descending === "true" }));
  } catch (error) { fill(result, failed(error)); }
}

function share(part) {
  const made = h("i");
  made.style.width = `${100 * part}%`;
  return made;
}

async function columns(told, at, place) {
  const now = shown;
  const cards = told.columns.map((column) => {
    const body = h("div", { class: "plot" });
    const card = h("article", { class: "card column" },
      h("header", {}, h("b", { class: column.primary_key ? "key" : "", title: column.name }, column.name), h("span", { title: column.type }, column.kind === "record" ? `${column.type} · record` : column.type)),
      column.comment && h("p", {}, column.comment), body);
    return { column, card, body };
  });
  fill(place, h("div", { class: "grid" }, cards.map(({ card }) => card)));
  for (const { column, card, body } of cards) {
    if (now !== shown) return;
    try {
      const s = await ask("column", { name: told.name, version: at.version, column: column.name });
      const most = Math.max(...s.top.map((t) => t.count), 1);
      if (s.bins.length) fill(body, histogram(s.bins));
      else fill(body, h("div", { class: "top" }, s.top.map((t) => [
        h("div", { class: "bar-cell", title: t.value }, share(t.count / most), h("span", {}, t.value)), h("span", { class: "soft" }, count(t.count))])));
      const mean = s.mean === null ? null : String(Number(Number(s.mean).toPrecision(5)));
      const about = Number(s.distinct) > 50 ? "≈ " : "";
      const facts = [["NULL", s.nulls ? `${count(s.nulls)} (${(100 * s.nulls / s.count).toFixed(1)} %)` : "none"], ["distinct", about + count(s.distinct)], ["least", s.min], ["greatest", s.max], ["mean", mean]];
      card.append(h("dl", {}, facts.filter(([, value]) => value !== null).map(([what, value]) => [h("dt", {}, s.kind === "record" && what !== "NULL" ? `${what} size` : what), h("dd", { title: value }, value)])));
    } catch (error) { fill(body, failed(error)); }
  }
}

async function diff(told, at, place) {
  const choose = (id, label, value) => h("select", { id, "aria-label": label, onchange: change }, versions(told, value).map(([v, text]) => h("option", { value: v, selected: v === value }, text)));
  const after = at.to ?? at.version ?? "main";
  const tags = Object.entries(told.tags).filter(([name, id]) => name !== after && id < (told.branches[after] ?? told.tags[after] ?? Infinity)).sort((a, b) => b[1] - a[1]);
  const parent = told.snapshots.find((s) => s.snapshot_id === (told.branches[after] ?? told.tags[after] ?? Number(after)))?.parent_id;
  const before = at.from ?? tags[0]?.[0] ?? (parent === null || parent === undefined ? after : String(parent));
  const from = choose("from", "From version", before), to = choose("to", "To version", after);
  function change() { go(link(told.name, "diff", { version: at.version, from: from.value, to: to.value })); }
  const counts = h("span", { class: "counts" }), result = h("div");
  fill(place, h("div", { class: "bar" }, from, h("span", { class: "soft" }, "→"), to, counts), result);
  try {
    const found = await ask("diff", { name: told.name, from: before, to: after });
    fill(counts, Object.entries(found.counts).map(([kind, n]) => h("span", { class: `pill ${kind}` }, `${count(n)} ${kind}`)));
    const touched = new Set(found.rows.flatMap((row) => row.changed));
    const heads = found.columns.map((column, i) => h("th", { class: column.kind, scope: "col" }, h("span", { class: column.primary_key ? "key" : "" }, column.name), h("small", {}, touched.has(i) ? "changed" : "\u00a0")));
    const body = found.rows.map((row) => h("tr", { class: row.type }, h("td", {}, { added: "+ added", removed: "− removed", modified: "~ modified" }[row.type]),
      found.columns.map((column, i) => {
        if (row.changed.includes(i)) return h("td", { class: `changed ${column.kind}`, title: `${row.before[i] ?? "NULL"} → ${row.after[i] ?? "NULL"}` }, h("del", {}, row.before[i] ?? "NULL"), " ", h("ins", {}, row.after[i] ?? "NULL"));
        return cell(row.type === "removed" ? row.before[i] : row.after[i], column);
      })));
    fill(result, found.rows.length ? h("div", { class: "card scroll" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, ""), heads)), h("tbody", {}, body))) : h("p", { class: "soft" }, "The same rows."),
      found.more && h("p", { class: "soft" }, `The first ${found.rows.length} rows.`));
  } catch (error) { fill(result, failed(error)); }
}

const quoted = (name) => `"${name.replaceAll('"', '""')}"`, literal = (text) => `'${text.replaceAll("'", "''")}'`;

function sql(told, at, place) {
  const category = told.columns.find((c) => c.kind === "text" && !c.primary_key) ?? told.columns[0];
  const examples = [`FROM ${quoted(told.name)} LIMIT 100`,
    `SELECT ${quoted(category.name)}, count(*) AS n FROM ${quoted(told.name)} GROUP BY ALL ORDER BY n DESC LIMIT 30`,
    `FROM space_snapshots(${literal(told.name)})`, ...Object.keys(told.tags).slice(0, 1).map((tag) => `FROM space_scan(${literal(told.name)}, version => ${literal(tag)}) LIMIT 10`)];
  const text = h("textarea", { id: "sql", spellcheck: "false", "aria-label": "SQL", value: at.q ?? examples[1] });
  const result = h("div"), status = h("span", { class: "soft" });
  const start = async () => {
    history_(text.value);
    status.textContent = "…";
    try {
      const found = await run(text.value);
      status.textContent = `${found.more ? "the first " : ""}${count(found.rows.length)} row${found.rows.length === 1 ? "" : "s"} in ${found.milliseconds} ms`;
      fill(result, drawing(found), table(found.columns, found.rows, {}));
    } catch (error) { status.textContent = ""; fill(result, failed(error)); }
  };
  const history_ = (q) => window.history.replaceState(null, "", link(told.name, "sql", { version: at.version, q }));
  text.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) start(); });
  fill(place, text, h("div", { class: "bar hint" }, h("button", { class: "main", id: "run", onclick: start }, "Run"), h("kbd", {}, "Ctrl ⏎"), status),
    h("div", { class: "hint" }, examples.map((q) => h("button", { onclick: () => { text.value = q; start(); } }, q))), result);
  text.focus();
  if (at.q) start();
}

function drawing(found) {
  const can = chartable(found.columns);
  if (!can || found.rows.length < 2) return null;
  const state = { ...can, form: found.columns[can.x].kind === "time" ? "line" : found.columns[can.x].kind === "number" ? "points" : "bars" };
  const place = h("div", { class: "card chart" });
  const pick = (which, names) => h("select", { "aria-label": which, onchange: (event) => { state[which] = which === "form" ? event.target.value : Number(event.target.value); draw(); } },
    names.map(([value, label]) => h("option", { value, selected: value === state[which] }, label)));
  const draw = () => fill(place, h("div", { class: "bar" }, pick("form", [["bars", "bars"], ["line", "line"], ["points", "points"]]),
    h("span", { class: "soft" }, "of"), pick("y", found.columns.map((c, i) => [i, c.name]).filter(([i]) => found.columns[i].kind === "number")),
    h("span", { class: "soft" }, "by"), pick("x", found.columns.map((c, i) => [i, c.name]))), chart(found.columns, found.rows, state));
  draw();
  return place;
}

async function show() {
  const now = ++shown, at = address();
  try {
    const all = await ask("datasets");
    if (now !== shown) return;
    datasets = all.datasets;
    listed();
    if (at.kind !== "d") return home(all.folder);
    document.title = `${at.name} · Space SQL`;
    const told = await ask("dataset", { name: at.name, version: at.version });
    if (now !== shown) return;
    const place = frame(told, at);
    if (at.tab === "history") fill(place, history(told, (s) => go(link(told.name, "diff", { from: String(s.parent_id ?? s.snapshot_id), to: String(s.snapshot_id), version: at.version }))));
    else await ({ rows, columns, diff, sql }[at.tab] ?? rows)(told, at, place);
  } catch (error) { if (now === shown) fill(main, failed(error)); }
  main.dataset.ready = now;
}

const HELP = [["/", "find a dataset"], ["1 … 5", "rows, columns, history, diff, SQL"], ["j  k", "next and previous dataset, or row of the history"], ["f", "filter rows"], ["n  p", "next and previous page"],
  ["v", "choose a version"], ["Ctrl ⏎", "run the statement"], ["h", "all datasets"], ["Esc", "leave a field"], ["?", "this list"]];
fill(keys, h("h2", {}, "Keys"), h("dl", {}, HELP.map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])));
keys.addEventListener("click", () => keys.close());

document.addEventListener("keydown", (event) => {
  const inField = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && inField) return inField.blur();
  if (inField || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = address();
  const press = (id) => { const found = document.getElementById(id); if (found) { event.preventDefault(); found.focus(); found.select?.(); } };
  if (event.key === "/") press("find");
  else if (event.key === "?") keys.open ? keys.close() : keys.showModal();
  else if (event.key === "h") go("/");
  else if (event.key === "f") press("where");
  else if (event.key === "v") press("version");
  else if (event.key === "n") document.getElementById("after")?.click();
  else if (event.key === "p") document.getElementById("before")?.click();
  else if (at.kind === "d" && TABS[event.key - 1]) go(link(at.name, TABS[event.key - 1], { version: at.version }));
  else if (event.key === "j" || event.key === "k") {
    const step = event.key === "j" ? 1 : -1, rows = [...document.querySelectorAll(".history .row")];
    if (rows.length) return rows[Math.min(Math.max(rows.indexOf(document.activeElement) + step, 0), rows.length - 1)].focus();
    const place = datasets.findIndex((d) => d.name === at.name && at.kind === "d");
    const next = datasets[Math.min(Math.max(place + step, 0), datasets.length - 1)];
    if (next) go(link(next.name));
  }
});
find.addEventListener("input", listed);
find.addEventListener("keydown", (event) => { if (event.key === "Enter") list.querySelector("a")?.click(); });
window.addEventListener("hashchange", show);
show();
