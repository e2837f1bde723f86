// Review of tags: accept, reject and annotate by keys and buttons, then advance.

import { byId } from "./dom.js";
import { save } from "./exports.js";
import { count } from "./format.js";

export class Review {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./verdicts.js").Verdicts} verdicts
   * @param {import("./tags.js").TagList} tagList
   * @param {() => void} refilter
   */
  constructor(state, verdicts, tagList, refilter) {
    this.state = state;
    this.verdicts = verdicts;
    this.tagList = tagList;
    this.refilter = refilter;
    this.note = byId("note");
    byId("accept").addEventListener("click", () => this.decide("accepted"));
    byId("reject").addEventListener("click", () => this.decide("rejected"));
    this.note.addEventListener("change", () => this.#setNote());
    this.note.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === "Escape") {
        if (event.key === "Escape") this.#show();
        event.stopPropagation();
        this.note.blur();
      }
    });
    byId("save-verdicts").addEventListener("click", () => this.save());
    for (const event of ["selected", "filter", "file"]) state.on(event, () => this.#show());
  }

  /** Accepts or rejects the selected tag and advances; the same verdict again is an undo. */
  decide(decision) {
    const { selected, filter } = this.state;
    if (selected < 0) return;
    const before = this.verdicts.of(selected);
    const isTakenBack = before.verdict === decision;
    const next = filter.list[filter.places[selected] + 1];
    this.#set(selected, { ...before, verdict: isTakenBack ? null : decision });
    if (!isTakenBack && next !== undefined) this.tagList.choose(this.state.filter.places[next]);
  }

  /** Goes to the note of the chosen tag. */
  write() {
    if (this.state.selected < 0) return;
    this.note.focus();
    this.note.select();
  }

  /** Saves all verdicts as a file, for datasets and for the next page. */
  save() {
    const lines = this.verdicts.lines();
    save(`${this.state.page.name}.verdicts.jsonl`, "application/jsonl", lines.length ? `${lines.join("\n")}\n` : "");
    this.verdicts.forget();
    this.#show();
  }

  #setNote() {
    const { selected } = this.state;
    if (selected >= 0) this.#set(selected, { ...this.verdicts.of(selected), note: this.note.value.trim() });
  }

  #set(tag, verdict) {
    this.verdicts.set(tag, verdict);
    this.state.emit("verdicts");
    if (/"name":\[(?:"attributes",)?"(?:verdict|note)"\]/.test(JSON.stringify(this.state.condition))) this.refilter();
    this.#show();
  }

  #show() {
    const { selected, table } = this.state;
    if (!table) return;
    const { verdict, note } = selected >= 0 ? this.verdicts.of(selected) : { verdict: null, note: "" };
    byId("review").hidden = selected < 0;
    byId("accept").setAttribute("aria-pressed", String(verdict === "accepted"));
    byId("reject").setAttribute("aria-pressed", String(verdict === "rejected"));
    if (document.activeElement !== this.note) this.note.value = note;
    const { accepted, rejected } = this.verdicts.counts();
    const isUnsaved = this.verdicts.unsaved.size > 0;
    byId("verdicts").hidden = !accepted && !rejected && !isUnsaved;
    byId("verdicts-count").textContent = `${count(accepted)} accepted · ${count(rejected)} rejected`;
    byId("save-verdicts").classList.toggle("unsaved", isUnsaved);
  }
}
