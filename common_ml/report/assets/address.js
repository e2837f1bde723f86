// View state in the fragment of the URL, so that a link shows the same view.

import { trackName } from "./format.js";

const WAIT_MS = 300;
const EVENTS = ["file", "filter", "selected", "time", "duration", "gallery"];

/**
 * Keeps the URL in sync with the view.
 * @param {import("./state.js").State} state
 * @param {{ isPlaying: boolean }} player
 * @param {{ isOpen: boolean }} gallery
 */
export function keepAddress(state, player, gallery) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const write = () => {
    timer = undefined;
    if (player.isPlaying) return;
    try {
      history.replaceState(null, "", `#${addressOf(state, gallery)}`);
    } catch {
      // a page in a frame without a URL of its own
    }
  };
  for (const event of EVENTS) state.on(event, () => (timer ??= setTimeout(write, WAIT_MS)));
}

/** @param {import("./state.js").State} state */
function addressOf(state, gallery) {
  const { page, table, selected } = state;
  const parts = new URLSearchParams();
  if (page.files.length > 1) parts.set("file", state.media.name);
  if (state.nowMs >= 1) parts.set("t", (state.nowMs / 1000).toFixed(3));
  if (state.query) parts.set("q", state.query);
  if (state.kind !== "all") parts.set("kind", state.kind);
  if (state.sort !== "ranges") parts.set("sort", state.sort);
  if (state.threshold) parts.set("min", String(state.threshold));
  for (const track of state.hidden) parts.append("hide", trackName(page.tracks[track]));
  if (selected >= 0) parts.set("tag", `${table.start[selected]} ${table.end[selected]} ${table.track[selected]} ${table.textOf(selected)}`);
  if (gallery.isOpen) parts.set("gallery", "1");
  return parts;
}

/**
 * Parses the view state of a URL; the file by its number.
 * @param {import("./state.js").State} state
 * @param {string} hash
 */
export function readAddress(state, hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const { page } = state;
  const hidden = parts.getAll("hide");
  return {
    file: Math.max(page.files.findIndex((file) => file.name === parts.get("file")), 0),
    ms: Math.max(Number(parts.get("t")) || 0, 0) * 1000,
    query: parts.get("q") ?? "",
    kind: ["runs", "frames"].find((kind) => kind === parts.get("kind")) ?? "all",
    sort: parts.get("sort") ?? "ranges",
    threshold: Math.min(Math.max(Number(parts.get("min")) || 0, 0), 1),
    hidden: new Set([...page.tracks.keys()].filter((track) => hidden.includes(trackName(page.tracks[track])))),
    tag: parts.get("tag"),
    gallery: parts.has("gallery"),
  };
}

/** The tag that a URL names, in the table of its file; -1 if there is none. */
export function tagNamed(table, name) {
  const [start, end, track, ...text] = (name ?? "").split(" ");
  if (!text.length) return -1;
  for (let tag = table.firstFrom(Number(start)); tag < table.size && table.start[tag] === Number(start); tag++) {
    if (table.end[tag] === Number(end) && table.track[tag] === Number(track) && table.textOf(tag) === text.join(" ")) return tag;
  }
  return -1;
}
