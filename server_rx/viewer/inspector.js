// The panel beside a map: what it cost on the air, which parts made it, how long they took, and the causes that were sent.

import { mapUrl } from "./api.js";
import { h, number } from "./dom.js";

const section = (title, ...children) => h("section", {}, h("h2", {}, title), ...children);

function fact(label, value, unit, note, id) {
  return h("div", { class: "fact" }, h("dt", {}, label),
    h("dd", {}, h("b", { id }, value), unit ? ` ${unit}` : null, note ? h("small", {}, note) : null));
}

/** What the air carried: bits, symbols, noise and repaired errors. */
function air(meta, provenance) {
  const pixels = meta.grid.rows * meta.grid.cols;
  return section("On the air",
    h("dl", { class: "facts" },
      fact("Payload", number(provenance.payload_bits), "bits", `${number(provenance.payload_bits / pixels, 3)} bit per pixel`, "payload-bits"),
      fact("Channel uses", number(provenance.channel_uses), "symbols", provenance.link),
      fact("Es/N0", number(provenance.es_n0_db, 1), "dB", "as received"),
      fact("Bit errors", number(provenance.bit_errors), "repaired", `of ${number(provenance.coded_bits)} coded bits`)),
    h("dl", { class: "rows" }, row("Mask codec", named(provenance.codec))));
}

/** A name and the short form of its digest, the whole digest in the tooltip. */
function named(text, digest = null, note = null) {
  const at = text.lastIndexOf(":");
  const [name, id] = digest ? [text, digest] : at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
  return [name, id && h("code", { title: id, tabindex: id.length > 10 ? "0" : null }, id.slice(0, 10)), note && h("small", {}, note)];
}

const row = (label, ...value) => h("div", {}, h("dt", {}, label), h("dd", {}, ...value));

function stages(provenance) {
  const entries = Object.entries(provenance.stage_ms);
  const longest = Math.max(...entries.map(([, ms]) => ms), 1e-9);
  const bars = entries.map(([stage, ms]) => {
    const bar = h("i", { "aria-hidden": "true" });
    bar.style.width = `${Math.max(0.5, (ms / longest) * 100)}%`;
    return h("li", {}, h("span", {}, stage.replaceAll("_", " ")), h("span", { class: "track" }, bar), h("span", { class: "ms" }, `${number(ms, 1)} ms`));
  });
  return section("Receiver time",
    h("p", { class: "total" }, h("b", {}, number(provenance.receiver_ms, 1)), " ms from symbols to map"), h("ol", { class: "stages" }, bars));
}

function parts(provenance) {
  if (!provenance.models.length) return section("Networks", h("p", { class: "dim" }, "None took part: the map is the path-loss law alone."));
  return section("Networks",
    h("dl", { class: "rows" }, provenance.models.map((model) => row(model.name, named("", model.sha256, model.device)))));
}

function causes(meta, semantics) {
  const columns = [["Place", "col, row", (one) => `${number(one.col)}, ${number(one.row)}`], ["Height", "m", (one) => number(one.height_m, 1)],
    ["Power", "dBm", (one) => number(one.power_dbm, 1)], ["Carrier", "GHz", (one) => number(one.frequency_hz / 1e9, 2)],
    ["PL0", "dB", (one) => number(one.pl0_db, 2)], ["Slope", "dB/dec", (one) => number(one.slope_db, 2)]];
  const head = h("tr", {}, h("th", { scope: "col" }, "#"), columns.map(([name, unit]) => h("th", { scope: "col" }, name, h("small", {}, ` ${unit}`))));
  const body = semantics.transmitters.map((one, index) =>
    h("tr", {}, h("th", { scope: "row" }, String(index + 1)), columns.map(([, , text]) => h("td", {}, text(one)))));
  const { rows, cols, cell_size_m: cell } = meta.grid;
  const share = semantics.building_share;
  const readings = semantics.readings;
  const heard = readings.filter((reading) => reading.heard).length;
  return section("What was sent",
    h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Transmitters and their path-loss laws" },
      h("table", {}, h("caption", {}, "Transmitters and their path-loss laws"),
        h("thead", {}, head), h("tbody", {}, body))),
    h("dl", { class: "rows" },
      row("Block", `${number(cols * cell)} × ${number(rows * cell)} m, ${number(cell, 1)} m a pixel`),
      row("Building mask", Number.isFinite(share) ? `${number(share * 100, 1)} % of the block` : "lost on the air"),
      row("Car mask", semantics.has_cars ? "received" : semantics.lost.includes("cars") ? "lost on the air" : "none"),
      row("Readings", readings.length ? `${number(readings.length)}, ${number(heard)} of them heard`
        : semantics.lost.includes("readings") ? "lost on the air" : "none")));
}

/** Fills the panel from metadata, provenance and semantics. */
export function showInspector(panel, meta, provenance, semantics) {
  panel.replaceChildren(air(meta, provenance), causes(meta, semantics), stages(provenance), parts(provenance));
}

/** The files of a map; the outage is that of the threshold and method in view. */
export function downloads(meta, { thresholdDbm, method }) {
  const link = (label, resource, query = {}, extension = resource.split(".").at(-1)) =>
    h("a", { href: mapUrl(meta.map_id, resource, query), download: `${meta.observation_id}.${extension}` }, label);
  return h("nav", { class: "downloads", "aria-label": "Downloads" },
    link("PNG", "map.png"), link("GeoTIFF", "map.tif"), link("NPY", "map.npy"), link("Semantics", "semantics", {}, "semantics.json"),
    link("Outage", "outage.png", { threshold_dbm: thresholdDbm, method }, "outage.png"));
}
