// Histograms and charts, as SVG.
import { h, count } from "./element.js";

export function histogram(bins, width = 240, height = 84) {
  const most = Math.max(...bins.map((bin) => bin.count), 1);
  const step = width / bins.length;
  const floor = height - 16;
  const bars = bins.map((bin, i) => {
    const tall = bin.count ? Math.max((bin.count / most) * floor, 1.5) : 0;
    return h("rect", { class: "bar-mark", x: i * step + 0.5, y: floor - tall, width: step - 1, height: tall, rx: 1.5 },
      h("title", {}, `${bin.from} – ${bin.to}: ${count(bin.count)}`));
  });
  return h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "histogram" }, bars,
    h("line", { class: "axis", x1: 0, x2: width, y1: floor + 0.5, y2: floor + 0.5 }),
    h("text", { x: 0, y: height - 3 }, bins[0].from), h("text", { x: width, y: height - 3, "text-anchor": "end" }, bins.at(-1).to));
}

export function chartable(columns) {
  const y = columns.findIndex((column, i) => column.kind === "number" && (i > 0 || columns.length === 1));
  const x = columns.findIndex((column, i) => i !== y && column.kind !== "nested" && column.kind !== "bytes");
  return y < 0 || x < 0 ? null : { x, y };
}

export function chart(columns, rows, { x, y, form }) {
  const points = rows.filter((row) => row[x] !== null && row[y] !== null && Number.isFinite(Number(row[y]))).slice(0, form === "bars" ? 60 : 5000);
  if (!points.length) return h("p", { class: "soft" }, "No numbers to draw.");
  const width = 960, height = 300, left = 64, bottom = 34, top = 12;
  const values = points.map((row) => Number(row[y]));
  let low = Math.min(...values), high = Math.max(...values);
  if (form === "bars" || low > 0 && low < high / 2) low = Math.min(low, 0);
  if (form === "bars") high = Math.max(high, 0);
  if (high === low) high = low + 1;
  const ticks = scale(low, high);
  low = Math.min(low, ticks[0]); high = Math.max(high, ticks.at(-1));
  const down = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const numeric = form !== "bars" && points.every((row) => Number.isFinite(place(columns[x], row[x])));
  const places = points.map((row, i) => (numeric ? place(columns[x], row[x]) : i));
  const first = Math.min(...places), last = Math.max(...places);
  const inner = width - left - 12, step = inner / points.length;
  const across = (at) => (numeric ? left + ((at - first) / (last - first || 1)) * inner : left + (at + 0.5) * step);
  const lines = ticks.map((tick) => [
    h("line", { class: "axis", x1: left, x2: width - 12, y1: down(tick), y2: down(tick) }),
    h("text", { x: left - 8, y: down(tick) + 4, "text-anchor": "end" }, count(tick))]);
  const title = (row) => h("title", {}, `${row[x]}: ${row[y]}`);
  let marks;
  if (form === "bars") {
    marks = points.map((row, i) => {
      const value = values[i], y0 = down(Math.max(value, 0)), tall = Math.abs(down(0) - down(value));
      return h("rect", { class: "bar-mark", x: across(i) - step * 0.4, y: y0, width: step * 0.8, height: Math.max(tall, 0.5), rx: 2 }, title(row));
    });
  } else {
    const order = points.map((_, i) => i).sort((a, b) => places[a] - places[b]);
    marks = order.map((i) => h("circle", { class: "bar-mark", cx: across(places[i]), cy: down(values[i]), r: form === "points" ? 3.2 : 2 }, title(points[i])));
    if (form === "line") marks.unshift(h("polyline", { class: "line-mark", points: order.map((i) => `${across(places[i])},${down(values[i])}`).join(" ") }));
  }
  const every = Math.ceil(points.length / 12);
  const labels = points.map((row, i) => (i % every ? null : h("text", { x: across(places[i]), y: height - 12, "text-anchor": "middle" }, short(row[x], every * step))));
  return h("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${columns[y].name} by ${columns[x].name}` }, lines, marks,
    numeric ? [h("text", { x: left, y: height - 12 }, short(points[places.indexOf(first)][x], 200)), h("text", { x: width - 12, y: height - 12, "text-anchor": "end" }, short(points[places.indexOf(last)][x], 200))] : labels);
}

function place(column, text) {
  if (column.kind === "number") return Number(text);
  return column.kind === "time" ? Date.parse(text.replace(" ", "T").slice(0, 23)) : NaN;
}

function short(text, room) {
  const most = Math.max(Math.floor(room / 6.5), 3);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function scale(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((candidate) => candidate >= rough);
  const out = [];
  for (let i = Math.floor(low / step); i * step < high + step * 0.999; i += 1) out.push(Number((i * step).toPrecision(12)));
  return out;
}
