// A list of any length, of which only the visible rows are elements.

import { make, oncePerFrame } from "./dom.js";

const TALLEST = 8_000_000; // pixels: browsers refuse elements that are much taller

export class VirtualList {
  /**
   * @param root The element that scrolls.
   * @param rowHeight Pixels.
   * @param makeRow () => element, once for each visible place.
   * @param fillRow (element, index) => void, whenever a place shows another row.
   */
  constructor(root, { rowHeight, makeRow, fillRow }) {
    Object.assign(this, { root, rowHeight, makeRow, fillRow });
    this.size = 0;
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
    const firstPixel = Math.max(this.#firstPixel(), 0);
    const first = Math.floor(firstPixel / this.rowHeight);
    const places = Math.min(Math.ceil(this.root.clientHeight / this.rowHeight) + 1, this.size - first);
    while (this.rows.length < places) {
      const row = this.makeRow();
      row.setAttribute("role", "option");
      row.style.height = `${this.rowHeight}px`;
      this.rows.push(row);
      this.window.append(row);
    }
    this.rows.forEach((row, place) => {
      row.hidden = place >= places;
      if (row.hidden) return;
      row.dataset.index = first + place;
      row.setAttribute("aria-posinset", first + place + 1);
      row.setAttribute("aria-setsize", this.size);
      this.fillRow(row, first + place);
    });
    this.window.style.transform = `translateY(${this.root.scrollTop - (firstPixel - first * this.rowHeight)}px)`;
  }
}
