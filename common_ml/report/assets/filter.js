// Filter of the tags: by expression, kind, track and confidence threshold.

import { CHANGES } from "./changenames.js";
import { listed } from "./order.js";
import { compile } from "./query.js";

export const BINS = 40; // of the histogram of confidences

/**
 * @typedef {{ has: Uint8Array, order: Uint32Array, list: Uint32Array, lead: number, places: Int32Array, bins: Uint32Array }} Filter
 * `has[tag]` is 1 for each tag that is shown, `order` lists them by time, `list` as they are sorted,
 * the first `lead` of them by time; `places[tag]` is where it stands in `list`, `bins` counts
 * confidences, also of tags below the threshold.
 */

/**
 * The tags of a file that are shown.
 * @param {import("./state.js").State} state
 * @returns {Filter}
 */
export function filtered(state) {
  const { table, threshold } = state;
  const fits = fitting(state, table, state.media, state.kind);
  const has = new Uint8Array(table.size);
  const order = new Uint32Array(table.size);
  const bins = new Uint32Array(BINS);
  let size = 0;
  for (let tag = 0; tag < table.size; tag++) {
    if (!fits(tag)) continue;
    const sure = table.sure[tag];
    if (sure !== null && !table.isEarlier(tag) && sure >= 0 && sure <= 1) bins[Math.min(Math.floor(sure * BINS), BINS - 1)] += 1;
    if (sure !== null && sure < threshold) continue;
    has[tag] = 1;
    if (table.isEarlier(tag)) continue;
    order[size++] = tag;
  }
  const found = order.subarray(0, size);
  const { list, lead } = listed(table, found, state.sort);
  const places = new Int32Array(table.size).fill(-1);
  for (let place = 0; place < size; place++) places[list[place]] = place;
  return { has, order: found, list, lead, places, bins };
}

/**
 * The tags of any file that are shown, of whatever kind, by time.
 * @param {import("./state.js").State} state
 * @param {import("./table.js").TagTable} table
 * @param {import("./state.js").MediaFile} file
 * @returns {number[]}
 */
export function matching(state, table, file) {
  const fits = fitting(state, table, file, "all");
  const tags = [];
  for (let tag = 0; tag < table.size; tag++) {
    if (!table.isEarlier(tag) && fits(tag) && (table.sure[tag] === null || table.sure[tag] >= state.threshold)) tags.push(tag);
  }
  return tags;
}

/** Returns a predicate of tags, which ignores the confidence threshold. */
function fitting(state, table, file, kind) {
  const { condition, hidden } = state;
  const change = CHANGES.indexOf(state.change); // -1: all
  const fits = "tree" in condition ? compile(condition.tree, table, file) : withWords(condition.words, table);
  return (tag) => (change < 0 || table.change[tag] === change) && (kind === "all" || (kind === "frames") === table.isFrame(tag)) && !hidden.has(table.track[tag]) && fits(tag);
}

/** All words have to be in the tag's text or track, in any case. */
function withWords(words, table) {
  if (!words.length) return () => true;
  const { page } = table;
  page.lowerTexts ??= page.texts.map((text) => text.toLowerCase());
  const texts = page.lowerTexts;
  const tracks = page.tracks.map((track) => track.toLowerCase());
  const known = new Int8Array(texts.length * tracks.length).fill(-1);
  return (tag) => {
    const [text, track] = [table.text[tag], table.track[tag]];
    const at = text * tracks.length + track;
    if (known[at] < 0) known[at] = words.every((word) => texts[text].includes(word) || tracks[track].includes(word)) ? 1 : 0;
    return known[at] === 1;
  };
}
