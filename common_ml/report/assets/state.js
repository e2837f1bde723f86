// View state of the page, with events on changes.

import { parseFilter } from "./query.js";
import { Tables } from "./tables.js";

/** @typedef {import("./table.js").TagTable} TagTable */

/**
 * A file of the page, without its tags.
 * @typedef {{
 *   name: string, done: boolean, errors: number, tags: number, kind: string, note: string,
 *   src: string | null, carried: boolean, mime: string, width: number, height: number,
 *   duration: number, rate: number, wave: string, peaks?: Uint8Array,
 *   thumbTimes: number[], thumbs: string[],
 * }} MediaFile
 */

/**
 * The data of the page.
 * @typedef {{
 *   title: string, name: string, version: string, live?: boolean, files: MediaFile[], texts: string[], tracks: string[],
 *   errors: { file: string | null, message: string }[],
 *   params: Record<string, unknown> | null, attributes?: string[],
 *   compare?: Record<string, number>, states?: Record<string, [string, string]>, lowerTexts?: string[],
 * }} PageData
 */

/** Events: "file", "page", "filter", "tracks", "selected", "counts", "time", "duration", "theme", "boxes", "stage", "gallery", "verdicts". */
export class State {
  file = 0;
  /** Set before the first event. */
  table = /** @type {TagTable} */ (/** @type {unknown} */ (null));
  filter = /** @type {import("./filter.js").Filter} */ (/** @type {unknown} */ (null));
  query = "";
  /** The parsed `query`, or the last valid one. */
  condition = parseFilter("");
  sort = "ranges";
  threshold = 0;
  /** Of a page of two runs, which changes are shown. */
  change = "all";
  kind = "all";
  /** Tracks that are not shown, by number. @type {Set<number>} */
  hidden = new Set();
  selected = -1;
  nowMs = 0;
  durationMs = 1;
  showsBoxes = true;
  /** @type {Map<string, (() => void)[]>} */
  #listeners = new Map();

  /** @param {PageData} page */
  constructor(page) {
    this.page = page;
    this.tables = new Tables(page);
  }

  /**
   * Takes over the data of a newer page; the file, and the tracks that are hidden, stay as they are.
   * @param {PageData} page
   * @param {Document} source Holds the elements with the tags.
   */
  renew(page, source) {
    const { name } = this.media;
    const hidden = [...this.hidden].map((track) => this.page.tracks[track]);
    Object.assign(this.page, page, { lowerTexts: undefined }); // the same object: others hold it
    this.tables = new Tables(this.page, source);
    this.file = Math.max(page.files.findIndex((file) => file.name === name), 0);
    this.table = this.tables.of(this.file);
    this.hidden = new Set(hidden.map((track) => page.tracks.indexOf(track)).filter((track) => track >= 0));
  }

  get media() {
    return this.page.files[this.file];
  }

  /**
   * @param {string} event
   * @param {() => void} listener
   */
  on(event, listener) {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]);
  }

  /** Hides a track, or shows it. */
  setHidden(track, isHidden) {
    if (isHidden) this.hidden.add(track);
    else this.hidden.delete(track);
    this.emit("tracks");
  }

  /** Shows one track and hides others. */
  setSolo(track, others) {
    this.hidden = new Set(others);
    this.hidden.delete(track);
    this.emit("tracks");
  }

  showTracks() {
    this.hidden = new Set();
    this.emit("tracks");
  }

  /** @param {string} event */
  emit(event) {
    for (const listener of this.#listeners.get(event) ?? []) listener();
  }
}
