// Elements from names, attributes and children. Text is only ever put in as text.
const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "g", "path", "circle", "rect", "line", "text", "title", "polyline"]);

export function h(name, attributes = {}, ...children) {
  const made = DRAWN.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "disabled") made[key] = value;
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

export function fill(place, ...children) {
  place.replaceChildren(...children.flat(Infinity).filter(Boolean));
  return place;
}

export async function ask(what, given = {}) {
  const asked = new URLSearchParams(Object.entries(given).filter(([, value]) => value !== undefined && value !== null && value !== ""));
  return answer(await fetch(`/api/${what}?${asked}`));
}

export async function run(sql) {
  const body = JSON.stringify({ sql });
  return answer(await fetch("/api/sql", { method: "POST", headers: { "Content-Type": "application/json" }, body }));
}

async function answer(response) {
  const told = await response.json().catch(() => ({ error: `${response.status} ${response.statusText}` }));
  if (!response.ok) throw new Error(told.error ?? response.statusText);
  return told;
}

export const failed = (error) => h("div", { class: "error", role: "alert" }, error.message);

export function count(number) {
  return Number(number).toLocaleString("en");
}

export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let at = 0, left = Number(bytes);
  while (left >= 1000 && at < units.length - 1) { left /= 1000; at += 1; }
  return `${at ? left.toPrecision(3) : left} ${units[at]}`;
}

export function when(text) {
  return text ? text.slice(0, 16).replace("T", " ") : "";
}
