// Predictions view: list by state, with cancel and retry.

import { make, oncePerFrame } from "/shared/dom.js";
import { count, counted } from "/shared/format.js";
import { address, call, firstOf, reasonOf } from "./api.js";
import { STATES, picture, stateChip } from "./kinds.js";
import { note } from "./notes.js";
import { PickList } from "./pick_list.js";
import { isPending } from "./predictions_store.js";
import { show, shown } from "./view_state.js";
import { moment, took } from "./words.js";

const PAGE = 200;
const REREAD = 1500; // ms, at most so often while events come

export class QueueView {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    /** @type {string[]} ids */
    this.ids = [];
    this.next = "";
    this.asked = 0;
    this.isLoading = false;
    this.tabs = make("div", { className: "choices", attr: { role: "radiogroup", "aria-label": "State" } },
      ...["", ...STATES].map((state) => make("button", { attr: { role: "radio" }, data: { state }, onclick: () => show({ state }) }, state || "all")));
    this.model = make("select", { attr: { "aria-label": "Filter by model" } }, make("option", { value: "" }, "Any model"));
    this.model.onchange = () => show({ model: this.model.value });
    const mayPredict = app.session.may("predict");
    this.cancelAll = make("button", { id: "cancel-all", hidden: !mayPredict, onclick: () => this.#actOnAll("cancel", ["queued", "running"]) }, "Cancel unfinished");
    this.retryAll = make("button", { id: "retry-all", hidden: !mayPredict, onclick: () => this.#actOnAll("retry", ["failed"]) }, "Retry failed");
    this.list = new PickList({
      id: "queue-list", label: "Predictions", rowHeight: 60, hasButtons: true,
      keyOf: (one) => one.id,
      makeRow: () => make("div", { className: "file queue" }),
      fillRow: (row, one) => this.#fill(row, one),
      onOpen: (one) => show({ view: "files", file: one.file.sha256 }),
      onSelection: () => this.#drawSelection(),
      onEnd: () => this.#more(),
    });
    this.selection = make("div", { className: "selection", hidden: true, attr: { role: "toolbar", "aria-label": "Selected predictions" } });
    this.element = make("section", { id: "queue-view", attr: { "aria-label": "Predictions" } },
      make("div", { className: "toolbar" }, this.tabs, this.model, make("span", { className: "gap" }), this.cancelAll, this.retryAll),
      make("div", { className: "columns" }, make("div", { className: "column" }, this.list.element, this.selection)));
    this.drawSoon = oncePerFrame(() => this.list.draw());
    app.store.addEventListener("change", () => {
      this.drawSoon();
      if (this.element.isConnected && shown().state) this.rereadTimer ??= setTimeout(() => {
        this.rereadTimer = undefined;
        if (this.element.isConnected) this.reload({ keep: true });
      }, REREAD);
    });
  }

  update(before) {
    const { state, model } = shown();
    for (const tab of this.tabs.querySelectorAll("button")) tab.setAttribute("aria-checked", String(tab.dataset.state === state));
    const names = [...new Set([...this.app.models.map((one) => one.name), model].filter(Boolean))];
    this.model.replaceChildren(this.model.options[0], ...names.map((one) => make("option", { value: one }, one)));
    this.model.value = model;
    if (!before || before.state !== state || before.model !== model || before.view !== "queue") this.reload();
  }

  async reload({ keep = false } = {}) {
    this.asked += 1;
    const asked = this.asked;
    this.isLoading = true; // do not append to the old list
    try {
      const isWanted = () => asked === this.asked;
      const { items, next } = await firstOf(keep ? Math.max(this.ids.length, PAGE) : PAGE, (cursor, limit) => this.#page(cursor, limit), isWanted);
      if (!isWanted()) return;
      this.ids = items.map((one) => one.id);
      this.next = next;
      this.#show(keep);
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    } finally {
      if (asked === this.asked) this.isLoading = false;
    }
  }

  async #more() {
    if (this.isLoading || !this.next) return;
    this.isLoading = true;
    const asked = this.asked;
    try {
      const page = await this.#page(this.next, PAGE);
      if (asked !== this.asked) return;
      this.ids.push(...page.items.map((one) => one.id));
      this.next = page.next ?? "";
      this.#show(true);
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    } finally {
      if (asked === this.asked) this.isLoading = false;
    }
  }

  #show(isSame) {
    const items = this.ids.map((id) => this.app.store.byId.get(id)).filter(Boolean);
    this.list.show(items, { whenEmpty: shown().state ? `Nothing is ${shown().state}.` : "No predictions yet.", isSame });
  }

  async #page(cursor, limit) {
    const { state, model } = shown();
    const asked = this.app.store.now();
    const page = await call("GET", address("/v1/predictions", { state, model, limit, cursor }));
    this.app.store.add(page.items, asked);
    return page;
  }

  #fill(row, one) {
    const signature = [one.id, one.state, one.progress, one.error, one.num_tags].join("|");
    if (row.dataset.signature === signature) return;
    row.dataset.signature = signature;
    row.dataset.id = one.id;
    const mayPredict = this.app.session.may("predict");
    const button = (act, text) => make("button", { tabIndex: -1, onclick: () => this.#act(act, [one]) }, text);
    const about = one.error ?? [moment(one.created_at), took(one.seconds), one.attempts > 1 ? `${one.attempts} attempts` : ""].filter(Boolean).join(" · ");
    row.replaceChildren(picture(one.file),
      make("span", { className: "words" }, make("span", { className: "name", title: one.file.name }, one.file.name), make("span", { className: one.error ? "minor problem" : "minor", title: one.error ?? "" }, about)),
      make("span", { className: "chips" }, stateChip(one)),
      make("span", { className: "acts" },
        one.has_results && this.app.session.may("download") ? make("a", { href: `/v1/predictions/${one.id}/page`, target: "_blank", rel: "noopener", tabIndex: -1, className: "button" }, "Timeline") : null,
        mayPredict && isPending(one) ? button("cancel", "Cancel") : null,
        mayPredict && (one.state === "failed" || one.state === "cancelled") ? button("retry", "Retry") : null));
  }

  /** @param {"cancel" | "retry"} act */
  async #act(act, predictions) {
    const fits = predictions.filter((one) => (act === "cancel" ? isPending(one) : one.state === "failed" || one.state === "cancelled"));
    if (!fits.length) return;
    try {
      await this.app.store.act(act, fits.map((one) => one.id));
      note(`${counted(fits.length, "prediction")} ${act === "cancel" ? "cancelled" : "queued again"}`);
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    }
  }

  /** Keys of the list: what they do is in the list of keys. */
  key(key) {
    const chosen = this.list.selected.size ? [...this.list.selected.values()] : [this.list.current].filter(Boolean);
    if (key === "c") this.#act("cancel", chosen);
    else if (key === "r") this.#act("retry", chosen);
    else if (key === "o" && chosen[0]?.has_results) open(`/v1/predictions/${chosen[0].id}/page`, "_blank", "noopener");
    else return false;
    return true;
  }

  #drawSelection() {
    const chosen = [...this.list.selected.values()];
    this.selection.hidden = !chosen.length;
    this.selection.replaceChildren(make("span", {}, `${count(chosen.length)} selected`), make("button", { className: "ghost", onclick: () => this.list.clear() }, "None"), make("span", { className: "gap" }),
      ...(this.app.session.may("predict") ? [make("button", { onclick: () => this.#act("cancel", chosen) }, "Cancel"), make("button", { onclick: () => this.#act("retry", chosen) }, "Retry")] : []));
  }

  async #actOnAll(act, states) {
    const { model } = shown();
    try {
      const ids = [];
      let cursor = "";
      do {
        const page = await call("GET", address("/v1/predictions", { state: states, model, limit: 500, cursor }));
        ids.push(...page.items.map((one) => one.id));
        cursor = page.next ?? "";
      } while (cursor);
      await this.app.store.act(act, ids);
      note(`${counted(ids.length, "prediction")} ${act === "cancel" ? "cancelled" : "queued again"}`);
      await this.reload({ keep: true });
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    }
  }
}
