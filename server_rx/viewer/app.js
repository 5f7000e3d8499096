// The page itself: which map is open, the list kept live, the keys, and what is shown when there is nothing to show.

import { followMaps, getJson, listMaps, mapUrl } from "./api.js";
import { h } from "./dom.js";
import { showInspector } from "./inspector.js";
import { MapList } from "./map_list.js";
import { STEP_DBM } from "./map/power_axis.js";
import { Stage } from "./map/stage.js";

const byId = (id) => document.getElementById(id);
const host = byId("stage");
const panel = byId("inspector");
const list = new MapList(byId("list"), byId("count"));
const view = { thresholdDbm: null, method: "threshold", layers: { power: true, ground: true, outage: false, marks: true } };
let stage = null;
let older = null;
let opening = new AbortController();

const openId = () => decodeURIComponent(location.hash.slice(1));

function message(title, ...body) {
  stage = null;
  panel.replaceChildren();
  host.replaceChildren(h("section", { class: "blank" }, h("h2", {}, title), ...body));
}

function showEmpty() {
  message("No maps yet",
    h("p", {}, "This receiver is up and listening. A map appears here, without a reload, as soon as an edge device delivers one."),
    h("p", {}, "Send one from an edge device:"),
    h("pre", { tabindex: "0" }, h("code", {}, "radiosem send IMAGE --samples SAMPLES.csv --transmitters TRANSMITTERS.json")),
    h("p", {}, "Or watch the whole path at work on the sample pack:"),
    h("pre", { tabindex: "0" }, h("code", {}, "radiosem demo --serve")));
}

const retry = (action) => h("button", { type: "button", onclick: action }, "Try again");

/** Opens a map by id: metadata first, then pixels, provenance and semantics side by side. */
async function open(mapId) {
  opening.abort();
  opening = new AbortController();
  const { signal } = opening;
  list.select(mapId);
  try {
    const meta = list.find(mapId) ?? (await getJson(mapUrl(mapId), signal));
    if (signal.aborted) return;
    view.thresholdDbm ??= meta.outage_threshold_dbm;
    document.title = `${meta.observation_id} · radiosem receiver`;
    stage = new Stage(host, meta, view, signal);
    panel.replaceChildren(h("p", { class: "dim" }, "Loading provenance…"));
    const facts = Promise.all([getJson(mapUrl(mapId, "provenance"), signal), getJson(mapUrl(mapId, "semantics"), signal)]);
    await Promise.all([stage.load(), facts.then(
      ([provenance, semantics]) => signal.aborted || showInspector(panel, meta, provenance, semantics),
      (error) => signal.aborted || panel.replaceChildren(h("p", { class: "notice error", role: "alert" }, error.message), retry(() => open(mapId))))]);
  } catch (error) {
    if (signal.aborted) return;
    document.title = "radiosem receiver";
    const missing = error.status === 404 || error.status === 422;
    const newest = h("a", { href: "#" }, "Show the newest map");
    message(missing ? "No such map" : "The map cannot be shown", h("p", { role: "alert" }, error.message), missing ? newest : retry(() => open(mapId)));
  }
}

/** Opens the map the address names, else the newest one, else says that there is none. */
function route() {
  const mapId = openId();
  if (mapId) open(mapId);
  else if (list.maps.length) history.replaceState(null, "", `#${list.maps[0].map_id}`), open(list.maps[0].map_id);
  else showEmpty();
}

function showOlder(cursor) {
  older = cursor;
  byId("older").hidden = !cursor;
  list.showCount(Boolean(cursor));
}

async function loadOlder() {
  const button = byId("older");
  button.disabled = true;
  try {
    const page = await listMaps(older);
    list.add(page.maps);
    showOlder(page.next_cursor);
  } catch (error) {
    byId("announce").textContent = error.message;
  }
  button.disabled = false;
}

async function start() {
  message("Loading maps…");
  try {
    const page = await listMaps();
    list.add(page.maps);
    showOlder(page.next_cursor);
    route();
  } catch (error) {
    message("The list of maps cannot be loaded", h("p", { role: "alert" }, error.message), retry(start));
  }
}

/** Lists a map that came in. A complete map may take the place, and the id, of a degraded one. */
function arrived(meta) {
  const held = list.find(meta.map_id);
  if (held && held.created_at === meta.created_at) return;
  list.add([meta], true);
  list.showCount(Boolean(older));
  byId("announce").textContent = `New map ${meta.observation_id}`;
  if (openId() === meta.map_id) open(meta.map_id);
  else if (byId("follow").checked) location.hash = meta.map_id;
  else if (!openId()) route();
}

/** Whenever the events begin, the newest maps are asked for again: what came before the connection is not repeated on it. */
async function connection(state) {
  const live = byId("live");
  live.dataset.state = state;
  live.lastElementChild.textContent = state === "live" ? "live" : "reconnecting";
  if (state !== "live") return;
  await started;
  const page = await listMaps().catch(() => ({ maps: [] }));
  page.maps.toReversed().forEach(arrived);
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  m: () => stage?.toggle("power"),
  b: () => stage?.meta.degraded || stage?.toggle("ground"),
  o: () => stage?.toggle("outage"),
  t: () => stage?.toggle("marks"),
  "[": () => stage?.setThreshold(view.thresholdDbm - STEP_DBM),
  "]": () => stage?.setThreshold(view.thresholdDbm + STEP_DBM),
};

function step(offset) {
  const next = list.neighbour(openId(), offset);
  if (next) location.hash = next.map_id;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[type=number]")) return;
  KEYS[event.key]?.();
});
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  host.focus();
});
byId("older").addEventListener("click", loadOlder);
addEventListener("hashchange", route);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => stage?.repaint());
const started = start();
followMaps(arrived, connection);
