// Number of tags of each file that match the filter, counted in idle time.

import { matching } from "./filter.js";

const SLICE_MS = 12;

export class Counts {
  /**
   * Emits "counts" when there is something new.
   * @param {import("./state.js").State} state
   */
  constructor(state) {
    this.state = state;
    /** @type {(number | null)[]} by file; null: not counted yet */
    this.ofFile = state.page.files.map((file) => file.tags);
    this.turn = 0;
    this.key = "";
    state.on("filter", () => this.#begin());
    state.on("page", () => {
      this.key = "anew";
      this.ofFile = state.page.files.map((file) => file.tags);
    });
    state.on("verdicts", () => {
      if (this.key) this.key = "anew"; // they may be what is asked for
    });
  }

  /** Whether the filter narrows the files. */
  get isNarrowed() {
    const { condition, hidden, threshold, change } = this.state;
    return change !== "all" || "tree" in condition || condition.words.length > 0 || hidden.size > 0 || threshold > 0;
  }

  #begin() {
    const { state } = this;
    const key = JSON.stringify([state.change, state.condition, [...state.hidden], state.threshold]);
    if (key === this.key || (this.key === "" && !this.isNarrowed)) return; // another file, kind or order
    this.key = key;
    this.turn += 1;
    this.ofFile = state.page.files.map((file) => (this.isNarrowed ? null : file.tags));
    state.emit("counts");
    if (this.isNarrowed) this.#work(this.turn, 0);
  }

  #work(turn, first) {
    if (turn !== this.turn) return;
    const { state } = this;
    const until = performance.now() + SLICE_MS;
    let place = first;
    while (place < this.ofFile.length && performance.now() < until) {
      this.ofFile[place] = matching(state, state.tables.of(place), state.page.files[place]).length;
      place += 1;
    }
    if (place < this.ofFile.length) setTimeout(() => this.#work(turn, place));
    state.emit("counts");
  }
}
