// The list of maps, newest first: one link a map, kept in order as pages and live maps come in.

import { mapUrl } from "./api.js";
import { h, when } from "./dom.js";

/** The badges of a map: what makes it other than a plain, complete map of one transmitter. */
export function badges(meta) {
  const count = meta.transmitters.length;
  return h("span", { class: "badges" },
    meta.degraded && h("span", { class: "badge warn", title: "The building mask was lost on the air" }, "degraded"),
    !meta.degraded && meta.lost.length > 0 && h("span", { class: "badge warn", title: "Lost on the air" }, `without ${meta.lost.join(", ")}`),
    meta.has_cars && h("span", { class: "badge" }, "cars"),
    count > 1 && h("span", { class: "badge" }, `${count} transmitters`));
}

export class MapList {
  constructor(list, counter) {
    this.list = list;
    this.counter = counter;
    this.maps = [];
    list.addEventListener("keydown", (event) => this.#arrows(event));
  }

  find(mapId) {
    return this.maps.find((meta) => meta.map_id === mapId);
  }

  /** The neighbour of a map, offset places further down the list, or null. */
  neighbour(mapId, offset) {
    const at = this.maps.findIndex((meta) => meta.map_id === mapId);
    return this.maps[at < 0 ? 0 : at + offset] ?? null;
  }

  /** Adds maps, each at its place in time; `fresh` ones are lit up for a moment. One that was listed moves to its new place. */
  add(maps, fresh = false) {
    for (const meta of maps) {
      this.#remove(meta.map_id);
      const at = this.maps.findIndex((other) => other.created_at < meta.created_at);
      const before = at < 0 ? null : this.list.children[at];
      this.maps.splice(at < 0 ? this.maps.length : at, 0, meta);
      this.list.insertBefore(this.#row(meta, fresh), before);
    }
  }

  /** States how many maps are listed, `+` when there are older ones. */
  showCount(more) {
    this.counter.textContent = this.maps.length ? `${this.maps.length}${more ? "+" : ""}` : "";
  }

  /** Marks the open map. */
  select(mapId) {
    for (const link of this.list.querySelectorAll("a")) {
      const open = link.dataset.map === mapId;
      if (open) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      if (open) link.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
  }

  #remove(mapId) {
    const at = this.maps.findIndex((meta) => meta.map_id === mapId);
    if (at < 0) return;
    this.maps.splice(at, 1);
    this.list.children[at].remove();
  }

  #row(meta, fresh) {
    const thumbnail = h("img", {
      src: mapUrl(meta.map_id, "map.png"), alt: "", loading: "lazy", decoding: "async", width: 52, height: 52,
      onerror: () => thumbnail.classList.add("missing"),
    });
    return h("li", { class: fresh ? "fresh" : null },
      h("a", { href: `#${meta.map_id}`, "data-map": meta.map_id },
        h("span", { class: "thumb" }, thumbnail),
        h("span", { class: "what" }, h("strong", { title: meta.observation_id }, meta.observation_id), when(meta.created_at), badges(meta))));
  }

  #arrows(event) {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const links = [...this.list.querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    const target = event.key === "Home" ? links[0] : event.key === "End" ? links.at(-1) : step && links[at + step];
    if (!target) return;
    event.preventDefault();
    target.focus();
  }
}
