// Speaks with the receiver's REST API; every address is relative, so the page also works behind a path prefix.

const base = new URL("v1/", document.baseURI);

/** Address of a map's resource, with query values added: mapUrl(id, "map.png", {min_dbm: -120}). */
export function mapUrl(mapId, resource = "", query = {}) {
  const url = new URL(`maps/${encodeURIComponent(mapId)}${resource && `/${resource}`}`, base);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
  return url.href;
}

async function get(url, signal) {
  let response;
  try {
    response = await fetch(url, { signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The receiver cannot be reached.");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const reason = [body.detail, body.message, body.error].find((text) => typeof text === "string");
  const error = new Error(reason ?? `The receiver answered ${response.status} ${response.statusText}`.trim());
  error.status = response.status;
  throw error;
}

export const getJson = async (url, signal) => (await get(url, signal)).json();
export const getBuffer = async (url, signal) => (await get(url, signal)).arrayBuffer();

/** One page of maps, newest first: {maps, next_cursor}. */
export function listMaps(cursor = null, limit = 30) {
  const url = new URL("maps", base);
  url.searchParams.set("limit", String(limit));
  if (cursor) url.searchParams.set("cursor", cursor);
  return getJson(url.href);
}

const REFUSED_AGAIN_MS = 5000;

/**
 * Follows the receiver's new maps and takes the connection up again when it breaks or is refused.
 * onMap(metadata)    a map was stored
 * onState(state)     "live", also after each reconnection, or "lost"
 */
export function followMaps(onMap, onState) {
  const events = new EventSource(new URL("events", base).href);
  events.addEventListener("open", () => onState("live"));
  events.addEventListener("map", (event) => onMap(JSON.parse(event.data)));
  events.addEventListener("error", () => {
    onState("lost");
    if (events.readyState === EventSource.CLOSED) setTimeout(() => followMaps(onMap, onState), REFUSED_AGAIN_MS);
  });
}
