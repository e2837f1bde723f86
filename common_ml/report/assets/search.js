// The input of the filter, with its hint and errors.

import { byId } from "./dom.js";
import { QueryProblem } from "./queryparser.js";
import { parseFilter } from "./query.js";

const HINT = "Words of tags and tracks, or an expression: confidence > 0.7 and label != 'dark'. Names: label, track, confidence, start_time, end_time, verdict, note, labels.<name>, attributes.<name>, file.<field>.";

export class Search {
  /**
   * @param {import("./state.js").State} state
   * @param {() => void} refilter Called when the condition has changed; may throw a QueryProblem.
   */
  constructor(state, refilter) {
    this.state = state;
    this.refilter = refilter;
    this.input = byId("query");
    this.note = byId("query-note");
    this.input.addEventListener("input", () => this.#apply());
    for (const event of ["focus", "blur"]) this.input.addEventListener(event, () => this.#showNote());
    this.problem = "";
  }

  focus() {
    this.input.select();
    this.input.focus();
  }

  /** Puts a filter into the box. */
  set(text) {
    this.input.value = text;
    this.#apply();
  }

  /** Applies the input; an invalid expression leaves the filter unchanged. */
  #apply() {
    const { state } = this;
    const before = state.condition;
    this.problem = "";
    try {
      const condition = parseFilter(this.input.value);
      const isNew = JSON.stringify(condition) !== JSON.stringify(before);
      state.query = this.input.value;
      state.condition = condition;
      if (isNew) this.refilter();
    } catch (problem) {
      if (!(problem instanceof QueryProblem)) throw problem;
      state.condition = before;
      this.problem = problem.message;
    }
    this.#showNote();
  }

  #showNote() {
    const isFocused = document.activeElement === this.input;
    const isHint = isFocused && !this.input.value;
    this.input.setAttribute("aria-invalid", String(this.problem !== ""));
    this.note.hidden = !this.problem && !isHint;
    this.note.classList.toggle("bad", this.problem !== "");
    this.note.textContent = this.problem || HINT;
  }
}
