// Verdicts of reviewers on tags: accepted or rejected, and notes.

import { recall, remember } from "./memory.js";

/** @typedef {{ verdict: "accepted" | "rejected" | null, note: string }} Verdict */

/** The verdicts on the tags of all files; unsaved ones are kept in localStorage. */
export class Verdicts {
  /** @param {import("./state.js").State} state */
  constructor(state) {
    this.state = state;
    this.name = `verdicts ${location.pathname}`;
    /** Lines that are not in a file yet, by the tag that they are about. @type {Map<string, string>} */
    this.unsaved = new Map(JSON.parse(recall(this.name) ?? "[]"));
    /** Where lines go at once, if there is a server. @type {((line: string) => Promise<boolean>) | null} */
    this.send = null;
    /** All lines since the page was opened: a newer page may have been made before one was saved. */
    this.said = new Map(this.unsaved);
    /** @type {Set<number>} files whose verdicts of here are in their tables */
    this.restored = new Set();
    state.on("page", () => this.restored.clear());
    for (const event of ["file", "page"]) state.on(event, () => this.restore(state.file));
  }

  /** What was said about a tag of the file that is shown. @returns {Verdict} */
  of(tag) {
    return this.state.table.verdicts.get(tag) ?? { verdict: null, note: "" };
  }

  /** Sets the verdict on a tag. */
  set(tag, verdict) {
    const { table, media } = this.state;
    if (verdict.verdict || verdict.note) table.verdicts.set(tag, verdict);
    else table.verdicts.delete(tag);
    const line = lineOf(media.name, table, tag, verdict);
    const key = keyOf(media.name, table, tag);
    this.#keep(key, line);
    this.send?.(line).then((isSaved) => {
      if (!isSaved || this.unsaved.get(key) !== line) return;
      this.unsaved.delete(key);
      this.#persist();
    });
  }

  /** All verdicts of all files, one a line. */
  lines() {
    const { page, tables } = this.state;
    const lines = /** @type {string[]} */ ([]);
    page.files.forEach((file, place) => {
      this.restore(place);
      const table = tables.of(place);
      for (const [tag, verdict] of [...table.verdicts].sort(([one], [other]) => one - other)) {
        lines.push(lineOf(file.name, table, tag, verdict));
      }
    });
    return lines;
  }

  /** How many were accepted and rejected, in this file. */
  counts() {
    const said = [...this.state.table.verdicts.values()];
    return { accepted: said.filter(({ verdict }) => verdict === "accepted").length, rejected: said.filter(({ verdict }) => verdict === "rejected").length };
  }

  /** Marks all verdicts as saved. */
  forget() {
    this.unsaved.clear();
    this.#persist();
  }

  /** Puts the verdicts of here on a file into its table. */
  restore(place) {
    if (this.restored.has(place) || !this.said.size) return;
    this.restored.add(place);
    const { page, tables } = this.state;
    const table = tables.of(place);
    for (let tag = 0; tag < table.size; tag++) {
      const line = this.said.get(keyOf(page.files[place].name, table, tag));
      if (!line) continue;
      const { verdict, note } = JSON.parse(line).data;
      if (verdict || note) table.verdicts.set(tag, { verdict, note });
      else table.verdicts.delete(tag);
    }
  }

  #keep(key, line) {
    this.said.set(key, line);
    this.unsaved.set(key, line);
    this.#persist();
  }

  #persist() {
    remember(this.name, JSON.stringify([...this.unsaved]));
  }
}

function dataOf(name, table, tag) {
  const box = table.boxOf(tag);
  return {
    source_media: name,
    tag: table.textOf(tag),
    track: table.trackOf(tag),
    start_time: table.start[tag],
    end_time: table.end[tag],
    frame_info: table.isFrame(tag) ? { frame_idx: table.frame[tag], box: box ? { x1: box[0], y1: box[1], x2: box[2], y2: box[3] } : null } : null,
  };
}

/** All that names a tag of a file. */
export const keyOf = (name, table, tag) => JSON.stringify(dataOf(name, table, tag));

const lineOf = (name, table, tag, { verdict, note }) => JSON.stringify({ type: "verdict", data: { ...dataOf(name, table, tag), verdict, note } });
