// The main part of the page for one map: head, layers, map, ruler and power axis, joined to each other.

import { getBuffer, mapUrl } from "../api.js";
import { h, number, when } from "../dom.js";
import { Field } from "./field.js";
import { downloads } from "../inspector.js";
import { badges } from "../map_list.js";
import { MapView, northArrow, scaleBar } from "./map_view.js";
import { parseNpy } from "./npy.js";
import { PowerAxis } from "./power_axis.js";

const LAYERS = [["power", "Radio map", "m"], ["ground", "Buildings", "b"], ["outage", "Outage", "o"], ["marks", "Transmitters", "t"]];
const CLASSIFIER_PAUSE_MS = 150; // the classifier is asked once the slider rests

/** One open map. `view` holds what stays from map to map: {thresholdDbm, method, layers}. */
export class Stage {
  constructor(host, meta, view, signal) {
    this.meta = meta;
    this.view = view;
    this.signal = signal;
    this.low = Math.floor(meta.min_dbm);
    this.high = Math.max(this.low + 1, Math.ceil(meta.max_dbm));
    this.map = new MapView(meta, (place) => this.#read(place));
    this.axis = new PowerAxis(this.low, this.high, view, (dbm) => this.setThreshold(dbm), (method) => this.#setMethod(method));
    this.readout = h("output", { class: "readout", id: "readout" }, "Point at the map to read its power");
    this.problems = h("div", { class: "problems" });
    this.files = downloads(meta, view);
    this.switches = LAYERS.map((layer) => this.#layerSwitch(...layer));
    host.replaceChildren(
      h("header", { class: "map-head" }, h("h2", { id: "title", title: meta.observation_id }, meta.observation_id),
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
      getBuffer(mapUrl(mapId, "map.npy"), this.signal).then((buffer) => this.#hold(new Field(parseNpy(buffer), this.meta.floor_dbm))),
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

  #layerSwitch(layer, label, key) {
    return h("button", {
      type: "button", "data-layer": layer, title: `${label} (${key})`, "aria-keyshortcuts": key,
      "aria-pressed": String(this.view.layers[layer]), disabled: layer === "ground" && this.meta.degraded,
      onclick: () => this.toggle(layer),
    }, label);
  }

  /** Shows a hidden layer, hides a shown one. */
  toggle(layer) {
    const visible = !this.view.layers[layer];
    this.view.layers[layer] = visible;
    this.switches.find((button) => button.dataset.layer === layer).setAttribute("aria-pressed", String(visible));
    this.map.toggle(layer, visible);
  }

  setThreshold(dbm) {
    this.view.thresholdDbm = dbm;
    this.axis.showThreshold(dbm);
    this.#outage();
  }

  #setMethod(method) {
    this.view.method = method;
    this.#outage();
  }

  /** Paints again what is painted in the page's own colours. */
  repaint() {
    this.map.paintBuildings();
    if (this.mask) this.map.paintOutage(this.mask);
  }

  /** Finds the outage anew: here and at once by comparison, or from the receiver's classifier. */
  #outage() {
    const files = downloads(this.meta, this.view);
    this.files.replaceWith(files);
    this.files = files;
    clearTimeout(this.pause);
    if (!this.field) return;
    if (this.view.method === "threshold") this.#showOutage(this.field.outage(this.view.thresholdDbm));
    else {
      this.axis.showShare(null);
      this.pause = setTimeout(() => this.#askClassifier(this.view.thresholdDbm), CLASSIFIER_PAUSE_MS);
    }
  }

  async #askClassifier(thresholdDbm) {
    const url = mapUrl(this.meta.map_id, "outage.npy", { threshold_dbm: thresholdDbm, method: "classifier" });
    try {
      const { values } = parseNpy(await getBuffer(url, this.signal));
      if (this.view.method === "classifier" && this.view.thresholdDbm === thresholdDbm) this.#showOutage(values);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.axis.showShare(Number.NaN);
      this.#complain(`The classifier did not answer: ${error.message}`);
    }
  }

  #showOutage(mask) {
    this.mask = mask;
    this.axis.showShare(this.field.share(mask));
    this.map.paintOutage(mask);
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
    const lost = place && this.mask?.[place.row * this.meta.grid.cols + place.col];
    this.readout.replaceChildren(h("b", { class: lost ? "lost" : null }, power), h("span", { class: "dim" }, spot));
  }
}
