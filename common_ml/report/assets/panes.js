// What is beside the tags: the files of the run, its errors, its params and counts.

import { markColour } from "./colours.js";
import { byId, make } from "./dom.js";
import { baseName, clock, count, counted, trackName } from "./format.js";
import { VirtualList } from "./list.js";

const MOST_COUNTED = 500;

/** The side list of files. */
export class FileList {
  constructor(state, choose) {
    this.state = state;
    this.choose = choose;
    const { files } = state.page;
    this.root = byId("files-list");
    this.list = new VirtualList(this.root, {
      rowHeight: 46,
      makeRow: () => this.#makeRow(),
      fillRow: (row, index) => this.#fillRow(row, index),
    });
    byId("files-count").textContent = count(files.length);
    byId("files-toggle").textContent = counted(files.length, "file");
    document.body.classList.toggle("one-file", files.length < 2);
    this.root.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) choose(Number(row.dataset.index));
    });
    byId("files-toggle").addEventListener("click", () => this.toggle());
    state.on("file", () => {
      this.list.reveal(state.file);
      this.list.draw();
      this.root.setAttribute("aria-activedescendant", `file-${state.file}`);
      this.toggle(false);
    });
    this.list.reset(files.length);
  }

  /** Opens or closes the list where the window is too narrow for it. */
  toggle(isOpen = !document.body.classList.contains("files-open")) {
    document.body.classList.toggle("files-open", isOpen);
    byId("files-toggle").setAttribute("aria-expanded", String(isOpen));
  }

  move(places) {
    const { files } = this.state.page;
    this.choose(Math.min(Math.max(this.state.file + places, 0), files.length - 1));
  }

  #makeRow() {
    const mark = make("i", { className: "mark" });
    const name = make("span", { className: "name" });
    const about = make("span", { className: "about" });
    const row = make("div", { className: "row file" }, mark, make("span", { className: "words" }, name, about));
    row.parts = { mark, name, about };
    return row;
  }

  #fillRow(row, index) {
    const file = this.state.page.files[index];
    row.id = `file-${index}`;
    row.setAttribute("aria-selected", String(index === this.state.file));
    const [state, said] = stateOf(file);
    row.parts.mark.className = `mark ${state}`;
    row.parts.mark.title = said;
    row.parts.name.textContent = baseName(file.name);
    row.parts.name.title = file.name;
    const length = file.duration ? ` · ${clock(file.duration * 1000, 0)}` : "";
    row.parts.about.textContent = `${counted(file.tags, "tag")}${length}${state === "done" ? "" : ` · ${said}`}`;
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
  const rows = sorted.slice(0, MOST_COUNTED).map(({ text, tags, ms }) => {
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
