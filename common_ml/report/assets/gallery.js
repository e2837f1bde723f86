// The gallery: thumbnails of the pictures and moments that match the filter, with their boxes.

import { boxColour } from "./colours.js";
import { byId, context2d, make } from "./dom.js";
import { matching } from "./filter.js";
import { baseName, clock, counted } from "./format.js";
import { VirtualList } from "./list.js";
import { fitted } from "./thumbs.js";

const CELL = { width: 170, height: 146 }; // CSS pixels at least, with the line below
const PICTURE = { width: 400, height: 225 }; // pixels of a cell's canvas
const MAX_NAMES = 4;

/** @typedef {{ place: number, ms: number, tags: number[] }} Shot */

export class Gallery {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./thumbs.js").Thumbs} thumbs
   * @param {import("./panes.js").FileList} fileList
   * @param {(place: number, ms: number, tag: number) => void} goTo
   */
  constructor(state, thumbs, fileList, goTo) {
    this.state = state;
    this.thumbs = thumbs;
    this.fileList = fileList;
    this.goTo = goTo;
    this.root = byId("gallery");
    this.isOpen = false;
    this.isRenewed = false;
    this.scope = "file";
    /** @type {Shot[]} */
    this.shots = [];
    this.columns = 1;
    this.list = new VirtualList(byId("shots"), {
      rowHeight: CELL.height,
      makeRow: () => make("div", { className: "shots" }),
      fillRow: (row, index) => this.#fillRow(row, index),
    });
    byId("gallery-toggle").addEventListener("click", () => this.toggle());
    for (const name of /** @type {const} */ (["file", "all"])) byId(`gallery-${name}`).addEventListener("click", () => this.choose(name));
    for (const event of ["file", "filter", "counts"]) state.on(event, () => this.isOpen && this.#fill());
    state.on("page", () => {
      this.isRenewed = true;
    });
    new ResizeObserver(() => this.isOpen && this.#lay()).observe(this.root);
  }

  toggle(isOpen = !this.isOpen) {
    this.isOpen = isOpen;
    this.root.hidden = !isOpen;
    byId("gallery-toggle").setAttribute("aria-pressed", String(isOpen));
    if (isOpen) this.choose(this.state.media.kind === "image" && this.state.page.files.length > 1 ? "all" : this.scope);
    this.state.emit("gallery");
  }

  /** Shows the moments of this file, or one picture of each file. */
  choose(scope) {
    this.scope = scope;
    for (const name of /** @type {const} */ (["file", "all"])) byId(`gallery-${name}`).setAttribute("aria-checked", String(name === scope));
    this.#fill();
  }

  #fill() {
    this.shots = this.scope === "all" ? this.#files() : this.#moments();
    byId("gallery-count").textContent = counted(this.shots.length, "picture");
    this.#lay();
  }

  /** Each moment of this file at which a tag begins. */
  #moments() {
    const { table, filter, file, media } = this.state;
    if (!this.thumbs.areThere(file)) return [];
    /** @type {Map<number, Shot>} */
    const found = new Map();
    for (const tag of filter.order) {
      const ms = media.kind === "image" ? 0 : table.start[tag];
      const shot = found.get(ms) ?? { place: file, ms, tags: [] };
      shot.tags.push(tag);
      found.set(ms, shot);
    }
    return [...found.values()];
  }

  /** A picture of each listed file: at its first tag. */
  #files() {
    const { state } = this;
    return this.fileList.places.filter((place) => this.thumbs.areThere(place)).map((place) => {
      const file = state.page.files[place];
      const table = state.tables.of(place);
      const tags = matching(state, table, file);
      const ms = file.kind === "image" || !tags.length ? 0 : table.start[tags[0]];
      return { place, ms, tags: file.kind === "image" ? tags : tags.filter((tag) => table.start[tag] === ms) };
    });
  }

  #lay() {
    this.columns = Math.max(Math.floor((this.root.clientWidth - 16) / CELL.width), 1);
    const [size, whenEmpty] = /** @type {const} */ ([Math.ceil(this.shots.length / this.columns), "No picture fits the filter."]);
    if (this.isRenewed) this.list.keep(size, whenEmpty, 0);
    else this.list.reset(size, whenEmpty);
    this.isRenewed = false;
  }

  #fillRow(row, index) {
    row.removeAttribute("role");
    row.style.setProperty("--columns", this.columns);
    const shots = this.shots.slice(index * this.columns, (index + 1) * this.columns);
    const key = JSON.stringify([this.columns, this.scope, shots]);
    if (row.shown === key) return;
    row.shown = key;
    row.replaceChildren(...shots.map((shot) => this.#cell(shot, () => row.shown === key && !row.hidden)));
  }

  #cell(shot, isWanted) {
    const { state } = this;
    const file = state.page.files[shot.place];
    const table = state.tables.of(shot.place);
    const names = [...new Set(shot.tags.map((tag) => table.textOf(tag) || "(empty)"))];
    const title = this.scope === "all" ? baseName(file.name) : clock(shot.ms);
    const said = `${names.slice(0, MAX_NAMES).join(", ")}${names.length > MAX_NAMES ? ", …" : ""}`;
    const canvas = make("canvas", PICTURE);
    const cell = make("button", { className: "shot", title: `${file.name}\n${names.join("\n")}`.slice(0, 500), attr: { "aria-label": `${title}: ${said || "no tags"}` } }, canvas, make("span", { className: "name" }, title), make("span", { className: "minor" }, said));
    cell.addEventListener("click", () => this.goTo(shot.place, shot.ms, shot.tags[0] ?? -1));
    this.thumbs.paint(canvas, { place: shot.place, ms: shot.ms, insideMs: 10 }, isWanted, () => drawBoxes(canvas, file, table, shot.tags));
    return cell;
  }
}

/** Draws the boxes of tags over their small picture. */
function drawBoxes(canvas, file, table, tags) {
  const context = context2d(canvas);
  const { left, top, width, height } = fitted(file.width, file.height, canvas);
  context.lineWidth = 3;
  for (const tag of tags.slice(0, 200)) {
    const box = table.boxOf(tag);
    if (!box) continue;
    context.strokeStyle = boxColour(table.look[tag]);
    context.strokeRect(left + box[0] * width, top + box[1] * height, (box[2] - box[0]) * width, (box[3] - box[1]) * height);
  }
}
