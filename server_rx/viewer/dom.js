// Builds elements from data; text always becomes a text node, so nothing a map carries is ever parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element; `on...` attributes are listeners, false and null ones are left out. */
export const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);

/** The same for SVG. */
export const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

/** The text of a number: fixed decimals, grouped thousands, a real minus sign; a dash when it is not known. */
export function number(value, decimals = 0) {
  if (value === null || value === undefined || !Number.isFinite(Number(value))) return "–";
  const text = new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
    .format(Object.is(Number(value), -0) ? 0 : Number(value));
  return text.replace("-", "−");
}

const clock = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A <time> element in the reader's own zone, the exact instant in its tooltip. */
export function when(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return h("time", {}, String(iso ?? "–"));
  return h("time", { datetime: date.toISOString(), title: date.toISOString() }, clock.format(date));
}
