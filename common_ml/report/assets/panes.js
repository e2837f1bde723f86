// Side panes: files of the run, errors, params and counts.

import { markColour } from "./colours.js";
import { byId, make, rowOf } from "./dom.js";
import { baseName, clock, count, counted, trackName } from "./format.js";
import { VirtualList } from "./list.js";
import { THUMB } from "./thumbs.js";

const MAX_COUNTED = 500;

/** The side list of files. */
export class FileList {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./counts.js").Counts} counts
   * @param {import("./thumbs.js").Thumbs} thumbs
   * @param {(place: number) => void} choose
   */
  constructor(state, counts, thumbs, choose) {
    this.state = state;
    this.thumbs = thumbs;
    this.counts = counts;
    this.choose = choose;
    /** Files that are listed, by number. */
    this.places = state.page.files.map((_, place) => place);
    this.root = byId("files-list");
    this.list = new VirtualList(this.root, {
      rowHeight: 46,
      makeRow: () => this.#makeRow(),
      fillRow: (row, index) => this.#fillRow(row, index),
    });
    this.#showNumber();
    state.on("page", () => this.#renew());
    this.root.addEventListener("click", (event) => {
      const row = rowOf(event);
      if (row) choose(this.places[Number(row.dataset.index)]);
    });
    byId("files-query").addEventListener("input", () => this.#narrow());
    byId("files-query").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && this.places.length) choose(this.places[0]);
    });
    byId("files-toggle").addEventListener("click", () => this.toggle());
    state.on("file", () => {
      this.list.reveal(this.places.indexOf(state.file));
      this.list.draw();
      this.root.setAttribute("aria-activedescendant", `file-${state.file}`);
      this.toggle(false);
    });
    state.on("counts", () => this.#narrow());
    this.#narrow();
  }

  #showNumber() {
    const { files } = this.state.page;
    byId("files-toggle").textContent = counted(files.length, "file");
    document.body.classList.toggle("one-file", files.length < 2);
  }

  /** The files of a newer page: others may have come before those that are seen. */
  #renew() {
    this.#showNumber();
    for (const row of this.list.rows) row.shown = -1;
    this.#narrow({ keeps: true });
  }

  /** Lists the files whose names contain the search text and that have tags matching the filter. */
  #narrow({ keeps = false } = {}) {
    const { files } = this.state.page;
    const wanted = byId("files-query").value.toLowerCase();
    const { ofFile, isNarrowed } = this.counts;
    const places = [];
    files.forEach((file, place) => {
      if (file.name.toLowerCase().includes(wanted) && (!isNarrowed || ofFile[place] !== 0)) places.push(place);
    });
    const isSame = places.length === this.places.length && places.every((place, n) => place === this.places[n]);
    this.places = places;
    byId("files-count").textContent = places.length === files.length ? count(files.length) : `${count(places.length)} of ${count(files.length)}`;
    if (keeps) this.list.keep(places.length, "No file fits.", 0);
    else if (!isSame || !this.list.size) this.list.reset(places.length, "No file fits.");
    else this.list.draw();
  }

  /** Opens or closes the list where the window is too narrow for it. */
  toggle(isOpen = !document.body.classList.contains("files-open")) {
    document.body.classList.toggle("files-open", isOpen);
    byId("files-toggle").setAttribute("aria-expanded", String(isOpen));
  }

  move(places) {
    const at = this.places.findIndex((place) => place >= this.state.file); // it may not be listed
    const from = at < 0 ? this.places.length : this.places[at] === this.state.file || places < 0 ? at : at - 1;
    this.choose(this.places[Math.min(Math.max(from + places, 0), this.places.length - 1)]);
  }

  #makeRow() {
    const mark = make("i", { className: "mark" });
    const name = make("span", { className: "name" });
    const about = make("span", { className: "about" });
    const thumb = make("canvas", { className: "thumb", width: 2 * THUMB.width, height: 2 * THUMB.height });
    const picture = make("span", { className: "picture small" }, thumb);
    const row = make("div", { className: "row file" }, mark, picture, make("span", { className: "words" }, name, about));
    return Object.assign(row, { parts: { mark, name, about, thumb, picture }, shown: -1 });
  }

  #fillRow(row, index) {
    const place = this.places[index];
    const file = this.state.page.files[place];
    row.id = `file-${place}`;
    row.setAttribute("aria-selected", String(place === this.state.file));
    if (row.shown !== place) {
      row.shown = place;
      row.parts.picture.hidden = !this.thumbs.areThere(place);
      const ms = file.kind === "image" ? 0 : file.duration * 100; // a tenth of it: films begin in the dark
      if (!row.parts.picture.hidden) this.thumbs.paint(row.parts.thumb, { place, ms, insideMs: 1 }, () => row.shown === place && !row.hidden);
    }
    const states = this.state.page.states?.[file.name];
    const [state, said] = states ? [stateOf(file)[0], `was ${states[0]}, is ${states[1]}`] : stateOf(file);
    row.parts.mark.className = `mark ${state}`;
    row.parts.mark.title = said;
    row.parts.name.textContent = baseName(file.name);
    row.parts.name.title = file.name;
    const length = file.duration ? ` · ${clock(file.duration * 1000, 0)}` : "";
    const kept = this.counts.ofFile[place];
    const tags = kept === null || kept === file.tags ? counted(file.tags, "tag") : `${count(kept)} of ${counted(file.tags, "tag")}`;
    row.parts.about.textContent = `${tags}${length}${state === "done" && !states ? "" : ` · ${said}`}`;
  }
}

/** The errors of the run; a click on one goes to its file. */
export function showErrors(page, choose) {
  byId("errors-count").textContent = page.errors.length ? count(page.errors.length) : "";
  byId("tab-errors").classList.toggle("has-errors", page.errors.length > 0);
  const places = new Map(page.files.map((file, place) => [file.name, place]));
  const items = page.errors.slice(0, 2000).map(({ file, message }) => {
    const item = make("div", { className: "error" });
    if (file !== null) {
      const link = make("button", { className: "link" }, file);
      link.addEventListener("click", () => choose(places.get(file)));
      item.append(link);
    }
    item.append(make("p", {}, message));
    return item;
  });
  byId("errors-pane").replaceChildren(...(items.length ? items : [make("p", { className: "empty" }, "No errors.")]));
}

/** Params and counts: of the run, then of the file that is shown. */
export function showRun(state, search) {
  const { page, table, media } = state;
  const total = page.files.reduce((sum, file) => sum + file.tags, 0);
  const params = page.params && Object.keys(page.params).length ? facts(Object.entries(page.params).map(([key, value]) => [key, JSON.stringify(value)])) : make("p", { className: "empty" }, page.params ? "None: the tagger's defaults." : "Not known: give them to the page with --params.");
  byId("run-pane").replaceChildren(
    make("h3", {}, "Params"),
    params,
    make("h3", {}, "Run"),
    facts([
      ["Files", count(page.files.length)],
      ["Done", count(page.files.filter((file) => file.done).length)],
      ["Tags", count(total)],
      ["Errors", count(page.errors.length)],
      ["Tracks", page.tracks.map(trackName).join(", ") || "none"],
    ]),
    make("h3", {}, "This file"),
    facts([
      ["Name", media.name],
      ["Kind", media.kind],
      media.width && ["Size", `${media.width} × ${media.height}`],
      media.duration && ["Length", clock(media.duration * 1000)],
      media.rate && ["Frames", `${Number(media.rate.toFixed(3))} per second`],
      media.note && ["Note", media.note],
    ].filter(Boolean)),
    make("h3", {}, "Tags of this file"),
    counts(table, search),
  );
}

function counts(table, search) {
  const found = new Map();
  for (let tag = 0; tag < table.size; tag++) {
    const text = table.text[tag];
    const entry = found.get(text) ?? { text, tags: 0, ms: 0 };
    entry.tags += 1;
    entry.ms += table.end[tag] - table.start[tag];
    found.set(text, entry);
  }
  const sorted = [...found.values()].sort((one, other) => other.tags - one.tags || one.text - other.text);
  const rows = sorted.slice(0, MAX_COUNTED).map(({ text, tags, ms }) => {
    const dot = make("i");
    dot.style.background = markColour(text);
    const name = make("button", { className: "link" }, table.page.texts[text] || "(empty)");
    name.addEventListener("click", () => search(table.page.texts[text]));
    return make("tr", {}, make("td", {}, dot, name), make("td", {}, count(tags)), make("td", {}, ms ? clock(ms, 1) : ""));
  });
  const head = make("tr", {}, ...["tag", "count", "total time"].map((name) => make("th", { scope: "col" }, name)));
  const more = sorted.length - rows.length;
  if (more > 0) rows.push(make("tr", {}, make("td", { colSpan: 3, className: "minor" }, `and ${counted(more, "more text")}`)));
  return sorted.length ? make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)) : make("p", { className: "empty" }, "None.");
}

function facts(pairs) {
  return make("dl", {}, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function stateOf(file) {
  if (file.done) return ["done", "done"];
  return file.errors ? ["failed", "failed"] : ["unfinished", "not finished"];
}
