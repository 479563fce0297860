// The snapshots of all branches as a graph: a lane for each branch, a line to each parent.
import { h, count, when } from "./element.js";

const ROW = 44, LANE = 18, LEFT = 20;

export function history(told, open) {
  const advancing = told.snapshots.filter((s) => !["tag", "branch", "drop_tag", "drop_branch"].includes(s.operation));
  const lanes = new Map([["main", 0]]);
  for (const s of advancing) if (!lanes.has(s.branch)) lanes.set(s.branch, lanes.size);
  const at = new Map(advancing.map((s, i) => [s.snapshot_id, i]));
  const x = (s) => LEFT + Math.min(lanes.get(s.branch), 8) * LANE, y = (i) => i * ROW + ROW / 2;
  const colour = (s) => `lane${lanes.get(s.branch) % 5}`;
  const heads = new Map();
  for (const [name, id] of Object.entries(told.branches)) heads.set(id, [...(heads.get(id) ?? []), name]);
  const tags = new Map();
  for (const [name, id] of Object.entries(told.tags)) tags.set(id, [...(tags.get(id) ?? []), name]);
  const wide = LEFT + Math.min(lanes.size, 9) * LANE;

  const lines = advancing.flatMap((s, i) => [s.parent_id, s.merge_parent_id].map((parent, nth) => {
    if (parent === null || !at.has(parent)) return null;
    const from = [x(s), y(i)], other = advancing[at.get(parent)], to = [x(other), y(at.get(parent))];
    const bend = from[0] === to[0] ? `M${from} L${to}`
      : nth || lanes.get(s.branch) < lanes.get(other.branch)
        ? `M${from} C${from[0]},${from[1] + ROW * 0.7} ${to[0]},${from[1] + ROW * 0.3} ${to[0]},${from[1] + ROW} L${to}`
        : `M${from} L${from[0]},${to[1] - ROW} C${from[0]},${to[1] - ROW * 0.3} ${to[0]},${to[1] - ROW * 0.7} ${to}`;
    return h("path", { d: bend, class: nth ? colour(other) : colour(s) });
  }));
  const dots = advancing.map((s, i) => h("circle", { cx: x(s), cy: y(i), r: 5, class: `${colour(s)} ${heads.has(s.snapshot_id) ? "head" : ""}` }));
  const rows = advancing.map((s) => {
    const changes = [["added", s.rows_inserted, "+"], ["modified", s.rows_updated, "~"], ["removed", s.rows_deleted, "−"]];
    const row = h("div", { class: "row", tabindex: 0, role: "link", onclick: () => open(s), onkeydown: (event) => event.key === "Enter" && open(s) },
      h("span", { class: "soft" }, `#${s.snapshot_id}`), h("span", { class: "op" }, s.operation),
      h("span", { class: "message" }, s.message ?? "", " ",
        (heads.get(s.snapshot_id) ?? []).map((name) => [h("span", { class: "pill" }, name), " "]),
        (tags.get(s.snapshot_id) ?? []).map((name) => [h("span", { class: "pill tag" }, name), " "])),
      h("span", { class: "counts" }, changes.filter(([, n]) => n).map(([kind, n, sign]) => h("span", { class: `pill ${kind}` }, sign + count(n)))),
      h("span", { class: "soft" }, [s.author, when(s.snapshot_time)].filter(Boolean).join(" · ")));
    row.style.paddingLeft = `${wide + 8}px`;
    return row;
  });
  const graph = h("svg", { class: "graph", width: wide, height: advancing.length * ROW }, lines, dots);
  const more = told.snapshots_in_all > told.snapshots.length ? h("p", { class: "soft" }, `The newest ${count(told.snapshots.length)} of ${count(told.snapshots_in_all)} entries.`) : null;
  return [h("div", { class: "card history" }, graph, rows), more];
}
