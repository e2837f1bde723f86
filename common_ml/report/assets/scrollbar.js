// A vertical scrollbar for what is drawn on a canvas.

import { make } from "./dom.js";

const SHORTEST_THUMB = 24; // pixels

export class Scrollbar {
  /**
   * @param {HTMLElement} root An empty element; its child becomes the thumb.
   * @param {(scroll: number) => void} scrollTo Called with pixels while the thumb is dragged.
   */
  constructor(root, scrollTo) {
    this.root = root;
    this.scrollTo = scrollTo;
    this.thumb = make("i");
    this.scroll = 0;
    this.most = 0;
    root.append(this.thumb);
    /** @type {{ y: number, scroll: number } | null} */
    let drag = null;
    root.addEventListener("pointerdown", (event) => {
      root.setPointerCapture(event.pointerId);
      if (event.target !== this.thumb) scrollTo(this.#scrollAt(event.clientY));
      drag = { y: event.clientY, scroll: this.scroll };
    });
    root.addEventListener("pointermove", (event) => {
      if (drag) scrollTo(drag.scroll + ((event.clientY - drag.y) / this.#way) * this.most);
    });
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => (drag = null));
  }

  /**
   * @param {number} scroll Pixels above the visible ones.
   * @param {number} room Visible pixels.
   * @param {number} total All pixels.
   */
  show(scroll, room, total) {
    this.scroll = scroll;
    this.most = Math.max(total - room, 0);
    this.root.hidden = this.most === 0 || room < SHORTEST_THUMB;
    if (this.root.hidden) return;
    const length = this.#length(room, total);
    this.thumb.style.height = `${length}px`;
    this.thumb.style.transform = `translateY(${(scroll / this.most) * (room - length)}px)`;
    this.root.setAttribute("aria-valuemin", "0");
    this.root.setAttribute("aria-valuemax", String(Math.round(this.most)));
    this.root.setAttribute("aria-valuenow", String(Math.round(scroll)));
  }

  #length(room, total) {
    return Math.max((room / total) * room, SHORTEST_THUMB);
  }

  /** Pixels that the thumb can move. */
  get #way() {
    const room = this.root.clientHeight;
    return Math.max(room - this.#length(room, room + this.most), 1);
  }

  #scrollAt(clientY) {
    const { top, height } = this.root.getBoundingClientRect();
    return ((clientY - top) / height) * (height + this.most) - height / 2;
  }
}
