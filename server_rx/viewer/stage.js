// The main part of the page for one map: head, layers, map, ruler and power axis, joined to each other.

import { getBuffer, mapUrl } from "./api.js";
import { h, number, when } from "./dom.js";
import { Field } from "./field.js";
import { downloads } from "./inspector.js";
import { badges } from "./map_list.js";
import { MapView, northArrow, scaleBar } from "./map_view.js";
import { parseNpy } from "./npy.js";
import { PowerAxis } from "./power_axis.js";

const LAYERS = [["power", "Radio map"], ["ground", "Buildings"], ["outage", "Outage"], ["marks", "Transmitters"]];

/** One open map. `view` holds what stays from map to map: {thresholdDbm, layers}. */
export class Stage {
  constructor(host, meta, view, signal) {
    this.meta = meta;
    this.view = view;
    this.signal = signal;
    this.low = Math.floor(meta.min_dbm);
    this.high = Math.max(this.low + 1, Math.ceil(meta.max_dbm));
    this.map = new MapView(meta, (place) => this.#read(place));
    this.axis = new PowerAxis(this.low, this.high, view.thresholdDbm, (dbm) => this.setThreshold(dbm));
    this.readout = h("output", { class: "readout", id: "readout" }, "Point at the map to read its power");
    this.problems = h("div", { class: "problems" });
    this.files = downloads(meta, view.thresholdDbm);
    this.switches = LAYERS.map(([layer, label]) => this.#layerSwitch(layer, label));
    host.replaceChildren(
      h("header", { class: "map-head" }, h("h2", { id: "title" }, meta.observation_id),
        h("div", {}, h("p", { class: "dim" }, when(meta.created_at), badges(meta)), this.files)),
      meta.degraded ? h("p", { class: "notice warn", role: "note" }, h("b", {}, "Degraded. "),
        "The building mask was lost on the air. This is the path-loss law alone, without walls or shadows; every pixel counts as outdoors.") : "",
      this.problems,
      h("div", { class: "bench" },
        h("div", { class: "layers", role: "group", "aria-label": "Layers" }, this.switches),
        this.map.frame,
        h("div", { class: "ruler" }, scaleBar(meta.grid), northArrow(), this.readout),
        this.axis.element));
    for (const [layer] of LAYERS) this.map.toggle(layer, view.layers[layer]);
  }

  /** Loads the pixels; what cannot be had is said on the page, the rest is shown all the same. */
  async load() {
    const { map_id: mapId, degraded } = this.meta;
    this.map.frame.classList.add("loading");
    const parts = [
      this.map.showPower(mapUrl(mapId, "map.png", { min_dbm: this.low, max_dbm: this.high })),
      degraded ? null : this.map.showBuildings(mapUrl(mapId, "buildings.png")),
      getBuffer(mapUrl(mapId, "map.npy"), this.signal).then((buffer) => this.#hold(new Field(parseNpy(buffer)))),
    ];
    const results = await Promise.allSettled(parts);
    this.map.frame.classList.remove("loading");
    for (const { reason } of results) if (reason && reason.name !== "AbortError") this.#complain(reason.message);
  }

  #complain(text) {
    this.problems.append(h("p", { class: "notice error", role: "alert" }, text));
  }

  #hold(field) {
    this.field = field;
    this.axis.showSpread(field);
    this.#outage();
    this.#read(this.map.probe);
  }

  #layerSwitch(layer, label) {
    return h("button", {
      type: "button", "data-layer": layer, "aria-pressed": String(this.view.layers[layer]), disabled: layer === "ground" && this.meta.degraded,
      onclick: () => this.toggle(layer),
    }, label);
  }

  /** Shows a hidden layer, hides a shown one. */
  toggle(layer) {
    const visible = !this.view.layers[layer];
    this.view.layers[layer] = visible;
    this.switches.find((button) => button.dataset.layer === layer).setAttribute("aria-pressed", String(visible));
    this.map.toggle(layer, visible);
    if (layer === "outage") this.#outage();
  }

  setThreshold(dbm) {
    this.view.thresholdDbm = dbm;
    this.axis.showThreshold(dbm);
    this.#outage();
    const files = downloads(this.meta, dbm);
    this.files.replaceWith(files);
    this.files = files;
  }

  /** Paints again what is painted in the page's own colours. */
  repaint() {
    this.map.paintBuildings();
    this.#outage();
  }

  #outage() {
    if (!this.field) return;
    this.axis.showShare(this.field.outageShare(this.view.thresholdDbm));
    if (this.view.layers.outage) this.map.paintOutage(this.field, this.view.thresholdDbm);
  }

  #read(place) {
    const dbm = place && this.field ? this.field.at(place.col, place.row) : null;
    this.axis.showReading(dbm);
    if (!place) {
      this.readout.replaceChildren(h("span", { class: "dim" }, "Point at the map to read its power"));
      return;
    }
    const cell = this.meta.grid.cell_size_m;
    const spot = `${number((place.col + 0.5) * cell, 1)} m east, ${number((place.row + 0.5) * cell, 1)} m south`;
    const power = dbm === null ? "…" : Number.isNaN(dbm) ? "building" : `${number(dbm, 1)} dBm`;
    const lost = Number.isFinite(dbm) && dbm < Math.fround(this.view.thresholdDbm);
    this.readout.replaceChildren(h("b", { class: lost ? "lost" : null }, power), h("span", { class: "dim" }, spot));
  }
}
