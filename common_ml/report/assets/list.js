// Virtual list: only the visible rows are elements.

import { make, oncePerFrame } from "./dom.js";

const TALLEST = 8_000_000; // pixels: browsers refuse elements that are much taller

export class VirtualList {
  /**
   * @param {HTMLElement} root The element that scrolls.
   * @param {object} rows
   * @param {number} rows.rowHeight Pixels.
   * @param {() => HTMLElement} rows.makeRow Called once for each visible place.
   * @param {(row: any, index: number) => void} rows.fillRow Called when a place shows another row.
   * @param {"option" | "listitem" | "row"} [rows.role] Of a row; options may hold nothing to press.
   */
  constructor(root, { rowHeight, makeRow, fillRow, role = "option" }) {
    this.root = root;
    this.rowHeight = rowHeight;
    this.makeRow = makeRow;
    this.fillRow = fillRow;
    this.role = role;
    this.size = 0;
    /** @type {any[]} elements, with what makeRow hung on them */
    this.rows = [];
    this.space = make("div", { className: "space" });
    this.window = make("div", { className: "window" });
    this.empty = make("p", { className: "empty", hidden: true });
    root.append(this.space, this.window, this.empty);
    this.draw = oncePerFrame(() => this.#draw());
    root.addEventListener("scroll", this.draw, { passive: true });
    new ResizeObserver(() => this.#draw()).observe(root);
  }

  /** Shows another number of rows, from the top. */
  reset(size, whenEmpty = "") {
    this.size = size;
    this.root.scrollTop = 0;
    this.empty.textContent = whenEmpty;
    this.empty.hidden = size > 0;
    this.#draw();
  }

  /** Shows the rows of an updated list, and keeps the visible rows in place.
   * @param {number} size
   * @param {string} whenEmpty
   * @param {number} moved By how many rows the first visible one has moved.
   */
  keep(size, whenEmpty, moved) {
    const at = this.#firstPixel() + moved * this.rowHeight;
    this.size = size;
    this.empty.textContent = whenEmpty;
    this.empty.hidden = size > 0;
    this.#draw(); // first: the space has to be tall enough
    this.root.scrollTop = this.#scrollFor(Math.max(at, 0));
    this.#draw();
  }

  /** The first row that is seen. */
  get firstRow() {
    return Math.floor(Math.max(this.#firstPixel(), 0) / this.rowHeight);
  }

  /** Scrolls as little as needed for a row to be seen; in the middle if it is far away. */
  reveal(index) {
    if (index < 0 || index >= this.size) return;
    const room = this.root.clientHeight;
    const top = index * this.rowHeight - this.#firstPixel();
    if (top >= 0 && top + this.rowHeight <= room) return;
    const isFar = top < -room || top > 2 * room;
    const wanted = isFar ? (room - this.rowHeight) / 2 : top < 0 ? 0 : room - this.rowHeight;
    this.root.scrollTop = this.#scrollFor(index * this.rowHeight - wanted);
    this.#draw();
  }

  /** How many rows fit. */
  get pageSize() {
    return Math.max(Math.floor(this.root.clientHeight / this.rowHeight), 1);
  }

  get #height() {
    return this.size * this.rowHeight;
  }

  get #spaceHeight() {
    return Math.min(this.#height, TALLEST);
  }

  // Very long lists scroll faster than their space is tall.
  get #factor() {
    const room = this.root.clientHeight;
    return this.#height > TALLEST ? (this.#height - room) / (TALLEST - room) : 1;
  }

  #firstPixel() {
    return this.root.scrollTop * this.#factor;
  }

  #scrollFor(pixel) {
    return pixel / this.#factor;
  }

  #draw() {
    this.space.style.height = `${this.#spaceHeight}px`;
    if (this.role === "row") this.root.setAttribute("aria-rowcount", String(this.size));
    const firstPixel = Math.max(this.#firstPixel(), 0);
    const first = Math.floor(firstPixel / this.rowHeight);
    const places = Math.min(Math.ceil(this.root.clientHeight / this.rowHeight) + 1, this.size - first);
    while (this.rows.length < places) {
      const row = this.makeRow();
      row.setAttribute("role", this.role);
      row.style.height = `${this.rowHeight}px`;
      this.rows.push(row);
      this.window.append(row);
    }
    this.rows.forEach((row, place) => {
      row.hidden = place >= places;
      if (row.hidden) return;
      row.dataset.index = first + place;
      row.setAttribute(this.role === "row" ? "aria-rowindex" : "aria-posinset", String(first + place + 1));
      if (this.role !== "row") row.setAttribute("aria-setsize", String(this.size));
      this.fillRow(row, first + place);
    });
    this.window.style.transform = `translateY(${this.root.scrollTop - (firstPixel - first * this.rowHeight)}px)`;
  }
}
