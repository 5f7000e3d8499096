// Draws one map: its buildings, the radio map's pixels over them, the outage overlay, transmitters, and a probe that reads dBm.

import { h, number, s } from "../dom.js";

const SCALE_STEPS_M = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 5000];

function rgb(property) {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(property).trim().replace("#", "");
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

function loadImage(image, url) {
  return new Promise((resolve, reject) => {
    image.addEventListener("load", resolve, { once: true });
    image.addEventListener("error", () => reject(new Error("The picture of the map could not be loaded.")), { once: true });
    image.src = url;
  });
}

/** The map as a stack of layers of one size; `onprobe({col, row} | null)` hears where the pointer or the arrow keys are. */
export class MapView {
  constructor(meta, onprobe) {
    this.meta = meta;
    this.onprobe = onprobe;
    this.probe = null;
    const { rows, cols } = meta.grid;
    this.ground = h("canvas", { class: "layer ground", width: cols, height: rows });
    this.image = h("img", { class: "layer power", id: "map-image", draggable: "false", alt: `Radio map ${meta.observation_id}` });
    this.outage = h("canvas", { class: "layer outage", id: "outage", width: cols, height: rows });
    this.marks = h("div", { class: "layer marks" }, meta.transmitters.map((transmitter, index) => this.#marker(transmitter, index)));
    this.cross = h("div", { class: "layer cross", hidden: true }, h("i", { class: "east" }), h("i", { class: "south" }), h("b"));
    this.frame = h("div", {
      class: "map", id: "map", tabindex: "0", role: "application", "aria-describedby": "readout",
      "aria-label": `Radio map of ${meta.observation_id}, north up. Arrow keys move the probe, with Shift ten pixels at a time; Escape removes it.`,
      onpointermove: (event) => this.#point(event),
      onpointerdown: (event) => this.#point(event),
      onpointerleave: () => this.moveProbe(null),
      onkeydown: (event) => this.#key(event),
    }, this.ground, this.image, this.outage, this.marks, this.cross);
    this.frame.style.aspectRatio = `${cols} / ${rows}`;
  }

  #marker(transmitter, index) {
    const { rows, cols } = this.meta.grid;
    const name = `Transmitter ${index + 1}`;
    const mark = h("span", { class: "mast", role: "img", "aria-label": name, title: `${name}: column ${transmitter.col}, row ${transmitter.row}` },
      this.meta.transmitters.length > 1 ? String(index + 1) : "");
    mark.style.left = `${((transmitter.col + 0.5) / cols) * 100}%`;
    mark.style.top = `${((transmitter.row + 0.5) / rows) * 100}%`;
    return mark;
  }

  /** Loads the radio map's PNG; rejects when it cannot be shown. */
  showPower(url) {
    return loadImage(this.image, url);
  }

  /** Loads the building mask and paints it in the page's colours; its opaque pixels are buildings. */
  async showBuildings(url) {
    const picture = new Image();
    await loadImage(picture, url);
    const { rows, cols } = this.meta.grid;
    const sketch = h("canvas", { width: cols, height: rows }).getContext("2d", { willReadFrequently: true });
    sketch.drawImage(picture, 0, 0, cols, rows);
    const { data } = sketch.getImageData(0, 0, cols, rows);
    this.mask = Uint8Array.from({ length: rows * cols }, (_, i) => Number(data[4 * i + 3] > 127));
    this.paintBuildings();
  }

  /** Paints the buildings again, as after a change between light and dark. */
  paintBuildings() {
    if (!this.mask) return;
    const { rows, cols } = this.meta.grid;
    const context = this.ground.getContext("2d");
    const picture = context.createImageData(cols, rows);
    const roof = rgb("--roof");
    const wall = rgb("--wall");
    for (let i = 0; i < this.mask.length; i += 1) {
      if (!this.mask[i]) continue;
      const col = i % cols;
      const edge = (col > 0 && !this.mask[i - 1]) || (col < cols - 1 && !this.mask[i + 1]) ||
        (i >= cols && !this.mask[i - cols]) || (i + cols < this.mask.length && !this.mask[i + cols]);
      picture.data.set([...(edge ? wall : roof), 255], 4 * i);
    }
    context.putImageData(picture, 0, 0);
  }

  /** Paints an outage mask: Uint8Array, 1 = outage, row by row. */
  paintOutage(mask) {
    const context = this.outage.getContext("2d");
    const picture = context.createImageData(this.outage.width, this.outage.height);
    const paint = [...rgb("--outage-fill"), 178];
    mask.forEach((out, i) => out && picture.data.set(paint, 4 * i));
    context.putImageData(picture, 0, 0);
  }

  /** Shows or hides a layer: "ground", "power", "outage" or "marks". */
  toggle(layer, visible) {
    this.frame.querySelector(`.layer.${layer}`).hidden = !visible;
  }

  #point(event) {
    const box = this.frame.getBoundingClientRect();
    const { rows, cols } = this.meta.grid;
    const col = Math.floor(((event.clientX - box.left - this.frame.clientLeft) / this.frame.clientWidth) * cols);
    const row = Math.floor(((event.clientY - box.top - this.frame.clientTop) / this.frame.clientHeight) * rows);
    this.moveProbe(col >= 0 && row >= 0 && col < cols && row < rows ? { col, row } : null);
  }

  #key(event) {
    const step = event.shiftKey ? 10 : 1;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (event.key === "Escape") this.moveProbe(null);
    if (!move) return;
    event.preventDefault();
    const { rows, cols } = this.meta.grid;
    const from = this.probe ?? { col: cols >> 1, row: rows >> 1 };
    const within = (value, size) => Math.max(0, Math.min(size - 1, value));
    this.moveProbe({ col: within(from.col + move[0], cols), row: within(from.row + move[1], rows) });
  }

  /** Puts the probe on a pixel, or takes it away. */
  moveProbe(place) {
    this.probe = place;
    this.cross.hidden = !place;
    if (place) {
      this.cross.style.setProperty("--x", `${((place.col + 0.5) / this.meta.grid.cols) * 100}%`);
      this.cross.style.setProperty("--y", `${((place.row + 0.5) / this.meta.grid.rows) * 100}%`);
    }
    this.onprobe(place);
  }
}

/** A scale bar at most a quarter of the map wide, of a round number of metres; its container is as wide as the map. */
export function scaleBar(grid) {
  const width = grid.cols * grid.cell_size_m;
  const length = SCALE_STEPS_M.findLast((step) => step <= width / 4) ?? SCALE_STEPS_M[0];
  const bar = h("span", { class: "scale-bar", role: "img", "aria-label": `Scale bar of ${length} metres` }, h("i"), `${number(length)} m`);
  bar.firstChild.style.width = `${(length / width) * 100}cqw`;
  return bar;
}

/** An arrow that points to the top of the map, where north is. */
export const northArrow = () => h("span", { class: "north", role: "img", "aria-label": "North is up" },
  s("svg", { viewBox: "0 0 16 20", "aria-hidden": "true" }, s("path", { d: "M8 1 14 18 8 14 2 18Z" }), s("path", { class: "lit", d: "M8 1 8 14 2 18Z" })), "N");
