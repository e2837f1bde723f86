// Changes between two runs: filter by kind, and navigation from one to the next.

import { byId, make } from "./dom.js";
import { count } from "./format.js";

export class Changes {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./tags.js").TagList} tagList
   * @param {(place: number) => void} chooseFile
   * @param {() => void} refilter
   */
  constructor(state, tagList, chooseFile, refilter) {
    this.state = state;
    this.tagList = tagList;
    this.chooseFile = chooseFile;
    const { compare } = state.page;
    byId("changes").hidden = !compare;
    document.body.classList.toggle("comparing", Boolean(compare));
    if (!compare) return;
    for (const button of /** @type {HTMLElement[]} */ ([...byId("change-kinds").children])) {
      const { change = "all" } = button.dataset;
      if (change !== "all") button.append(make("span", { className: "number" }));
      button.addEventListener("click", () => {
        state.change = change;
        refilter();
      });
    }
    byId("change-back").addEventListener("click", () => this.step(-1));
    byId("change-on").addEventListener("click", () => this.step(1));
    for (const event of ["filter", "selected"]) state.on(event, () => this.#show());
    state.on("page", () => this.#showNumbers());
    this.#showNumbers();
  }

  #showNumbers() {
    for (const number of byId("change-kinds").querySelectorAll("[data-change] .number")) {
      const { change = "" } = /** @type {HTMLElement} */ (number.parentElement).dataset;
      number.textContent = ` ${count(this.state.page.compare?.[change] ?? 0)}`;
    }
  }

  /** Selects the previous or next difference, in another file where this one has no more. */
  step(by) {
    const { state } = this;
    if (!state.page.compare) return;
    const tag = this.#next(by);
    if (tag >= 0) {
      this.#choose(tag);
      return;
    }
    const { files } = state.page;
    for (let place = state.file + by; place >= 0 && place < files.length; place += by) {
      const table = state.tables.of(place);
      if (!table.change.some((change) => change > 0)) continue;
      this.chooseFile(place);
      const found = this.#differences();
      if (found.length) {
        this.#choose(found[by > 0 ? 0 : found.length - 1]);
        return;
      }
    }
  }

  /** The differences of this file that are shown, by time. */
  #differences() {
    const { table, filter } = this.state;
    return [...filter.order].filter((tag) => table.change[tag] > 0);
  }

  #next(by) {
    const { selected } = this.state;
    const found = this.#differences();
    if (by > 0) return found.find((tag) => tag > selected) ?? -1;
    return found.reverse().find((tag) => selected < 0 || tag < selected) ?? -1;
  }

  #choose(tag) {
    this.tagList.choose(this.state.filter.places[tag]);
  }

  #show() {
    const { state } = this;
    for (const button of /** @type {HTMLElement[]} */ ([...byId("change-kinds").children])) {
      button.setAttribute("aria-checked", String(button.dataset.change === state.change));
    }
    const found = this.#differences();
    const at = found.indexOf(state.selected);
    byId("change-place").textContent = `${at >= 0 ? `${count(at + 1)} of ` : ""}${count(found.length)} in this file`;
  }
}
