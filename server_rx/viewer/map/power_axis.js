// One axis of power in dBm that carries the spread of the map, the colour bar, the outage threshold and the probe's reading.

import { paintBar } from "./colours.js";
import { h, number, s } from "../dom.js";

const BINS = 96;
const METHODS = [["threshold", "outdoor outage"], ["classifier", "outage by classifier"]];
export const STEP_DBM = 0.5;

function ticks(low, high) {
  const step = [1, 2, 5, 10, 20, 50].find((size) => (high - low) / size <= 9) ?? 100;
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, i) => first + i * step);
}

/** The axis over lowDbm..highDbm; `onthreshold(dBm)` and `onmethod(name)` hear what the reader sets. */
export class PowerAxis {
  constructor(lowDbm, highDbm, view, onthreshold, onmethod) {
    this.low = lowDbm;
    this.high = highDbm;
    this.onthreshold = onthreshold;
    this.cut = s("rect", { x: 0, y: 0, width: 0, height: 1 });
    this.spread = s("svg", { class: "spread", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("clipPath", { id: "below-threshold" }, this.cut), s("path", { class: "served" }), s("path", { class: "out", "clip-path": "url(#below-threshold)" }));
    const bar = h("canvas", { class: "bar", role: "img", "aria-label": `Colour bar from ${number(lowDbm)} to ${number(highDbm)} dBm` });
    paintBar(bar);
    this.slider = h("input", {
      type: "range", id: "threshold", min: lowDbm, max: highDbm, step: STEP_DBM, "aria-label": "Outage threshold in dBm",
      oninput: () => this.#heard(this.slider.value),
    });
    this.exact = h("input", {
      type: "number", id: "threshold-dbm", step: STEP_DBM, inputmode: "decimal", "aria-label": "Outage threshold in dBm, exact",
      oninput: () => this.#heard(this.exact.value),
    });
    this.method = h("select", { id: "method", "aria-label": "How outage is found", onchange: () => onmethod(this.method.value) },
      METHODS.map(([name, label]) => h("option", { value: name, selected: name === view.method }, label)));
    this.reading = h("span", { class: "reading", hidden: true });
    this.share = h("output", { class: "share", id: "outage-share", for: "threshold threshold-dbm" }, "–");
    this.element = h("section", { class: "axis", "aria-label": "Received power" },
      h("div", { class: "axis-head" },
        h("p", { class: "verdict" }, this.share, this.method),
        h("label", { class: "exact" }, "below", this.exact, "dBm")),
      h("div", { class: "plot" }, this.spread, bar, this.reading, this.slider),
      h("div", { class: "ticks", "aria-hidden": "true" }, ticks(lowDbm, highDbm).map((value) => this.#tick(value))));
    this.showThreshold(view.thresholdDbm);
  }

  #place(dbm) {
    return Math.max(0, Math.min(1, (dbm - this.low) / (this.high - this.low)));
  }

  #tick(dbm) {
    const label = h("span", {}, number(dbm));
    label.style.left = `${this.#place(dbm) * 100}%`;
    return label;
  }

  #heard(text) {
    const dbm = Number.parseFloat(text);
    if (!Number.isFinite(dbm)) return;
    this.showThreshold(dbm);
    this.onthreshold(dbm);
  }

  /** Moves slider, number and the cut of the histogram to a threshold. */
  showThreshold(dbm) {
    this.slider.value = String(dbm);
    this.slider.setAttribute("aria-valuetext", `${number(dbm, 1)} dBm`);
    if (Number.parseFloat(this.exact.value) !== dbm) this.exact.value = String(dbm);
    this.cut.setAttribute("width", String(this.#place(dbm)));
  }

  /** Draws the spread of the outdoor power; the end bins hold what is censored and are cut off at full height. */
  showSpread(field) {
    const counts = field.histogram(this.low, this.high, BINS);
    const tallest = Math.max(1, ...counts.slice(1, -1));
    let path = "M0 1";
    counts.forEach((count, bin) => {
      const top = (1 - Math.min(1, count / tallest)).toFixed(4);
      path += `L${(bin / BINS).toFixed(4)} ${top}L${((bin + 1) / BINS).toFixed(4)} ${top}`;
    });
    for (const curve of this.spread.querySelectorAll("path")) curve.setAttribute("d", `${path}L1 1Z`);
  }

  /** Shows the outage share, 0..1; null while it is being asked for. */
  showShare(share) {
    this.share.textContent = share === null ? "…" : `${number(share * 100, 1)} %`;
  }

  /** Marks the probe's power on the axis; NaN or null takes the mark away. */
  showReading(dbm) {
    this.reading.hidden = !Number.isFinite(dbm);
    if (!this.reading.hidden) this.reading.style.left = `${this.#place(dbm) * 100}%`;
  }
}
