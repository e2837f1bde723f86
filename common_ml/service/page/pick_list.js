// Virtual list with cursor, multiple selection and infinite scrolling, by mouse and keyboard.

import { make, rowOf } from "/shared/dom.js";
import { VirtualList } from "/shared/list.js";

/** @typedef {{ rowHeight: number, makeRow: () => HTMLElement, fillRow: (row: HTMLElement, item: any) => void, keyOf: (item: any) => string, onOpen: (item: any) => void, onSelection: () => void, onEnd: () => void, label: string, id: string, hasButtons?: boolean }} ListOptions */

export class PickList {
  /** @param {ListOptions} options */
  constructor(options) {
    this.options = options;
    /** @type {any[]} */
    this.items = [];
    /** @type {Map<string, any>} */
    this.selected = new Map();
    this.cursor = -1;
    this.anchor = -1;
    this.element = make("div", { className: "list", id: options.id, tabIndex: 0, attr: { role: options.hasButtons ? "grid" : "listbox", "aria-label": options.label, "aria-multiselectable": "true" } });
    this.list = new VirtualList(this.element, {
      rowHeight: options.rowHeight,
      role: options.hasButtons ? "row" : "option",
      makeRow: () => {
        const content = options.makeRow();
        if (options.hasButtons) content.setAttribute("role", "gridcell");
        return make("div", { className: "row" }, make("span", { className: "tick", attr: { "aria-hidden": "true" } }), content);
      },
      fillRow: (row, index) => this.#fill(row, index),
    });
    this.element.addEventListener("click", (event) => this.#click(event));
    this.element.addEventListener("dblclick", (event) => rowOf(event) && this.#open());
    this.element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** @param {any[]} items @param {{ whenEmpty?: string, isSame?: boolean }} [options] `isSame`: more of the same list */
  show(items, { whenEmpty = "", isSame = false } = {}) {
    this.items = items;
    if (isSame) {
      this.list.size = items.length;
      this.list.empty.hidden = items.length > 0;
      this.list.empty.textContent = whenEmpty;
      this.list.draw();
    } else {
      this.cursor = items.length ? 0 : -1;
      this.list.reset(items.length, whenEmpty);
    }
  }

  draw() {
    this.list.draw();
  }

  select(items) {
    for (const item of items) this.selected.set(this.options.keyOf(item), item);
    this.#selectionChanged();
  }

  clear() {
    this.selected.clear();
    this.#selectionChanged();
  }

  get current() {
    return this.items[this.cursor];
  }

  #selectionChanged() {
    this.list.draw();
    this.options.onSelection();
  }

  #fill(row, index) {
    const item = this.items[index];
    row.id = `${this.options.id}-${index}`;
    row.setAttribute("aria-selected", String(this.selected.has(this.options.keyOf(item))));
    row.classList.toggle("cursor", index === this.cursor);
    this.options.fillRow(row.lastElementChild, item);
    if (index > this.items.length - 40) this.options.onEnd();
  }

  #toggle(index) {
    const key = this.options.keyOf(this.items[index]);
    if (!this.selected.delete(key)) this.selected.set(key, this.items[index]);
    this.anchor = index;
  }

  #move(index, { extend = false } = {}) {
    if (!this.items.length) return;
    const before = this.cursor;
    this.cursor = Math.min(Math.max(index, 0), this.items.length - 1);
    if (extend) {
      for (let one = Math.min(before, this.cursor); one <= Math.max(before, this.cursor); one += 1) this.selected.set(this.options.keyOf(this.items[one]), this.items[one]);
      this.#selectionChanged();
    }
    this.list.reveal(this.cursor);
    this.list.draw();
    this.element.setAttribute("aria-activedescendant", `${this.options.id}-${this.cursor}`);
  }

  #open() {
    if (this.current) this.options.onOpen(this.current);
  }

  #click(event) {
    const row = rowOf(event);
    if (!row || event.target.closest("button, a")) return;
    const index = Number(row.dataset.index);
    const ticked = event.target.closest(".tick") || event.ctrlKey || event.metaKey;
    if (event.shiftKey && this.anchor >= 0) {
      for (let one = Math.min(this.anchor, index); one <= Math.max(this.anchor, index); one += 1) this.selected.set(this.options.keyOf(this.items[one]), this.items[one]);
    } else if (ticked) this.#toggle(index);
    this.#move(index);
    this.#selectionChanged();
    if (!ticked && !event.shiftKey) this.#open();
  }

  #key(event) {
    if (event.target !== this.element) return;
    const page = this.list.pageSize;
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in steps) this.#move(this.cursor + steps[event.key], { extend: event.shiftKey });
    else if (event.key === " " && this.cursor >= 0) {
      this.#toggle(this.cursor);
      this.#selectionChanged();
    } else if (event.key === "Enter") this.#open();
    else if (event.key === "Escape" && this.selected.size) this.clear();
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.select(this.items);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
