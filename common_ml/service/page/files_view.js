// Files view: search, filters, the list, and actions on the selection.

import { make, oncePerFrame } from "/shared/dom.js";
import { count, counted } from "/shared/format.js";
import { address, all, call, chunks, firstOf, inParallel, reasonOf } from "./api.js";
import { confirmed } from "./dialogs.js";
import { downloadTags } from "./downloads.js";
import { openFile } from "./file_panel.js";
import { KINDS, STATES, kindIcon, picture, stateChip } from "./kinds.js";
import { note, say } from "./notes.js";
import { PickList } from "./pick_list.js";
import { choosePredictions } from "./predict_dialog.js";
import { isPending } from "./predictions_store.js";
import { editTags } from "./tags_dialog.js";
import { show, shown } from "./view_state.js";
import { bytes } from "./words.js";

const PAGE = 200; // files a request
const TYPING = 250; // ms
const LOOK_UPS = 4; // at once
const AGAIN = 3000; // ms, after a look-up that failed
const LINES = "M8 11V3.5M4.8 6.5 8 3.2l3.2 3.3M3 12.8h10";

export class FilesView {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    /** @type {import("./kinds.js").FileDocument[]} */
    this.items = [];
    this.next = "";
    this.asked = 0; // lists that were asked for: only the last one is shown
    this.isLoading = false;
    /** @type {Set<string>} files whose predictions were asked for */
    this.looked = new Set();
    app.store.addEventListener("change", (event) => this.#predictionsChanged(/** @type {CustomEvent} */ (event).detail));
    const search = make("input", { type: "search", id: "query", placeholder: "Search words in labels, tags, names", autocomplete: "off", spellcheck: false, attr: { "aria-label": "Search files" } });
    let timer = 0;
    const typed = () => {
      clearTimeout(timer);
      timer = setTimeout(() => show({ q: search.value.trim() }, { replace: true }), TYPING);
    };
    search.oninput = typed;
    search.addEventListener("search", typed); // Escape empties it without an input event
    this.search = search;
    this.filters = {
      kind: this.#filter("kind", "Any kind", KINDS),
      model: this.#filter("model", "Any model", []),
      state: this.#filter("state", "Any state", STATES),
      confidence: this.#filter("confidence", "Any confidence", ["0.5", "0.7", "0.8", "0.9", "0.95"]),
    };
    for (const option of this.filters.confidence.options) if (option.value) option.textContent = `≥ ${option.value}`;
    this.tag = make("input", { type: "text", placeholder: "Tag", className: "tag-filter", autocomplete: "off", attr: { "aria-label": "Tag given by people" } });
    this.tag.onchange = () => show({ tag: this.tag.value.trim() });
    this.total = make("span", { className: "minor", id: "files-total" });
    const pick = make("input", { type: "file", multiple: true, hidden: true, id: "pick-files" });
    const pickFolder = make("input", { type: "file", hidden: true, id: "pick-folder", attr: { webkitdirectory: "" } });
    for (const input of [pick, pickFolder]) {
      input.onchange = () => {
        this.app.uploads.add([...(input.files ?? [])].filter((file) => !file.name.startsWith(".")));
        input.value = "";
      };
    }
    const mayUpload = this.app.session.may("upload");
    const add = make("button", { className: "primary", id: "add-files", title: "Add files (u)", onclick: () => pick.click(), hidden: !mayUpload }, "Add files");
    const addFolder = make("button", { id: "add-folder", onclick: () => pickFolder.click(), hidden: !mayUpload }, "Folder");
    this.list = new PickList({
      id: "files-list", label: "Files", rowHeight: 60,
      keyOf: (file) => file.sha256,
      makeRow: () => make("div", { className: "file" }),
      fillRow: (row, file) => this.#fillRow(row, file),
      onOpen: (file) => show({ file: file.sha256 }),
      onSelection: () => this.#drawSelection(),
      onEnd: () => this.#more(),
    });
    this.blank = make("div", { className: "blank", hidden: true });
    this.selection = make("div", { id: "selection", hidden: true, attr: { role: "toolbar", "aria-label": "Selected files" } });
    this.panel = make("aside", { id: "panel", hidden: true, attr: { "aria-label": "File" } });
    this.element = make("section", { id: "files-view", attr: { "aria-label": "Files" } },
      make("div", { className: "toolbar" }, make("label", { className: "search" }, search, make("kbd", {}, "/")), ...Object.values(this.filters), this.tag, this.total, make("span", { className: "gap" }), addFolder, add, pick, pickFolder),
      make("div", { className: "columns" }, make("div", { className: "column" }, this.list.element, this.blank, this.selection), this.panel));
    this.drawSoon = oncePerFrame(() => this.list.draw());
  }

  #filter(name, everything, values) {
    const select = make("select", { attr: { "aria-label": `Filter by ${name}` } }, make("option", { value: "" }, everything), ...values.map((one) => make("option", { value: one }, one)));
    select.onchange = () => show({ [name]: select.value });
    return select;
  }

  /** Updates the view to the state in the URL. @param {import("./view_state.js").Shown | null} before */
  update(before) {
    const now = shown();
    if (document.activeElement !== this.search) this.search.value = now.q;
    const { model } = this.filters;
    const names = [...new Set([...this.app.models.map((one) => one.name), now.model].filter(Boolean))];
    if (model.options.length - 1 !== names.length) model.replaceChildren(model.options[0], ...names.map((one) => make("option", { value: one }, one)));
    for (const [name, select] of Object.entries(this.filters)) select.value = now[name];
    this.tag.value = now.tag;
    const isSameList = before && before.view === now.view && ["q", "kind", "model", "state", "tag", "confidence"].every((name) => before[name] === now[name]);
    if (!isSameList) this.reload();
    if (!before || before.file !== now.file || !isSameList) this.#openFile(now.file);
  }

  /** Reads the list from its beginning; keeps the place when asked. */
  async reload({ keep = false } = {}) {
    this.asked += 1;
    const asked = this.asked;
    this.isLoading = true;
    try {
      const isWanted = () => asked === this.asked;
      const { items, next } = await firstOf(keep ? Math.max(this.items.length, PAGE) : PAGE, (cursor, limit) => this.#page(cursor, limit), isWanted);
      if (!isWanted()) return;
      this.items = items;
      this.next = next;
      this.looked.clear();
      const now = shown();
      const isFiltered = Boolean(now.q || now.kind || now.model || now.state || now.tag || now.confidence);
      this.list.show(this.items, { whenEmpty: isFiltered ? "No file fits." : "", isSame: keep });
      this.#drawBlank(!isFiltered && !this.items.length);
      this.#drawTotal();
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
      this.items.push(...page.items);
      this.next = page.next ?? "";
      this.list.show(this.items, { isSame: true });
      this.#drawTotal();
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    } finally {
      if (asked === this.asked) this.isLoading = false;
    }
  }

  #page(cursor, limit) {
    const { q, kind, model, state, tag, confidence } = shown();
    if (!q && !model && !state && !tag && !confidence) return call("GET", address("/v1/files", { kind, limit, cursor }));
    return call("POST", "/v1/search", {
      text: q,
      kinds: kind ? [kind] : [],
      models: model ? [model] : [],
      states: state ? [state] : [],
      tags: tag ? [tag] : [],
      ...(confidence ? { min_confidence: Number(confidence) } : {}),
      limit,
      cursor,
    });
  }

  /** Files that have just come are on top. */
  uploaded() {
    this.reloadTimer ??= setTimeout(() => {
      this.reloadTimer = undefined;
      this.reload({ keep: true });
    }, 150);
  }

  /** Selects files, and asks for models for them. @param {import("./kinds.js").FileDocument[]} files */
  async predict(files) {
    if (!this.app.models.length) await this.app.loadModels().catch(() => {}); // the dialog says that there are none
    choosePredictions(files, {
      models: this.app.models,
      store: this.app.store,
      onDone: () => {
        this.list.clear();
        if (!this.app.uploads.tally.active) this.app.uploads.forgetDone();
      },
    });
  }

  #drawTotal() {
    const text = this.items.length ? `${count(this.items.length)}${this.next ? "+" : ""} ${this.items.length === 1 ? "file" : "files"}` : "";
    if (this.total) this.total.textContent = text;
    say(text);
  }

  #drawBlank(isBlank) {
    this.blank.hidden = !isBlank;
    if (!isBlank || this.blank.firstChild) return;
    const icon = kindIcon("image");
    icon.firstElementChild?.setAttribute("d", LINES);
    this.blank.append(icon,
      make("h2", {}, this.app.session.may("upload") ? "Drop files and folders here" : "No files are open to you yet"),
      make("p", { className: "minor" }, this.app.session.may("upload") ? "Images, videos, sound and text, as many as you like. Then choose models for them." : "People who upload files can open them to your role."));
  }

  #fillRow(row, file) {
    if (row.dataset.sha256 !== file.sha256) {
      row.dataset.sha256 = file.sha256;
      row.replaceChildren(picture(file),
        make("span", { className: "words" },
          make("span", { className: "name", title: file.name }, file.name),
          make("span", { className: "line minor" }, make("span", {}, `${file.kind} · ${bytes(file.size)}`), make("span", { className: "people-tags" }))),
        make("span", { className: "chips" }));
    }
    const tags = /** @type {HTMLElement} */ (row.querySelector(".people-tags"));
    tags.replaceChildren(...file.tags.map((tag) => make("span", { className: "badge" }, tag)));
    const chips = /** @type {HTMLElement} */ (row.querySelector(".chips"));
    const known = latest(this.app.store.ofFile(file.sha256));
    const total = Object.values(file.states).reduce((sum, one) => sum + one, 0);
    if (known.length || !total) chips.replaceChildren(...known.slice(0, 4).map(stateChip), ...(known.length > 4 ? [make("span", { className: "minor" }, `+${known.length - 4}`)] : []));
    else chips.replaceChildren(...Object.entries(file.states).map(([state, number]) => make("span", { className: "chip", data: { state } }, make("i", {}), `${number} ${state}`)));
    if (total && !this.looked.has(file.sha256)) this.#lookUp(file.sha256);
  }

  /** Asks for the predictions of the files that are seen, some at once. */
  #lookUp(sha256) {
    this.looked.add(sha256);
    this.wanted ??= [];
    this.wanted.push(sha256);
    this.lookUpTimer ??= setTimeout(async () => {
      const wanted = (this.wanted ?? []).slice(-60); // the others have been scrolled out of view
      for (const skipped of (this.wanted ?? []).slice(0, -60)) this.looked.delete(skipped);
      this.wanted = [];
      let hasFailed = false;
      await inParallel(wanted, LOOK_UPS, async (one) => {
        try {
          const asked = this.app.store.now();
          this.app.store.add((await call("GET", address("/v1/predictions", { file: one, limit: 100 }))).items, asked);
        } catch {
          this.looked.delete(one); // asked for again when it is drawn again
          hasFailed = true;
        }
      });
      if (hasFailed) setTimeout(this.drawSoon, AGAIN);
      this.lookUpTimer = undefined;
      if (this.wanted.length) this.#lookUp(this.wanted.pop());
    }, 80);
  }

  #predictionsChanged(digests) {
    this.drawSoon();
    if (this.panelFile && digests.includes(this.panelFile)) this.panelView?.update();
  }

  #drawSelection() {
    const files = [...this.list.selected.values()];
    this.selection.hidden = !files.length;
    if (!files.length) return;
    const { session } = this.app;
    const button = (id, right, text, run, className = "") => (session.may(right) ? make("button", { id, className, onclick: () => this.#guarded(run) }, text) : null);
    const hadFocus = this.selection.contains(document.activeElement) ? document.activeElement?.id : "";
    this.selection.replaceChildren(
      make("span", { id: "selected-count" }, `${count(files.length)} selected`),
      make("button", { className: "ghost", id: "select-none", onclick: () => this.list.clear() }, "None"),
      make("button", { className: "ghost", id: "select-all", onclick: () => this.#guarded(() => this.#selectAll()) }, "All"),
      make("span", { className: "gap" }),
      ...[
        button("predict", "predict", "Predict…", () => this.predict(files), "primary"),
        button("cancel-selected", "predict", "Cancel", () => this.#act("cancel", files)),
        button("retry-selected", "predict", "Retry", () => this.#act("retry", files)),
        button("download-selected", "download", "Download tags", () => downloadTags(files.map((file) => file.sha256))),
        button("tag-selected", "tag", "Tags…", () => editTags(files, { isAdmin: session.may("admin"), models: this.app.models, onDone: () => this.reload({ keep: true }) })),
        button("remove-selected", "upload", "Remove", () => this.#remove(files)),
      ].filter((one) => one !== null),
    );
    if (hadFocus) document.getElementById(hadFocus)?.focus();
  }

  async #guarded(run) {
    try {
      await run();
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    }
  }

  async #selectAll() {
    const asked = this.asked;
    while (this.next && asked === this.asked) {
      const page = await this.#page(this.next, 500);
      this.items.push(...page.items);
      this.next = page.next ?? "";
    }
    this.list.show(this.items, { isSame: true });
    this.#drawTotal();
    this.list.select(this.items);
  }

  /** @param {"cancel" | "retry"} act */
  async #act(act, files) {
    const found = (await inParallel(files, LOOK_UPS, (file) => all("/v1/predictions", { file: file.sha256, limit: 500 }))).flat();
    const fits = found.filter((one) => (act === "cancel" ? isPending(one) : one.state === "failed" || one.state === "cancelled"));
    await this.app.store.act(act, fits.map((one) => one.id));
    note(`${counted(fits.length, "prediction")} ${act === "cancel" ? "cancelled" : "queued again"}`);
  }

  async #remove(files) {
    if (!(await confirmed(`Remove ${counted(files.length, "file")}?`, "Your names of them and their results go; content that nobody else has is deleted.", "Remove"))) return;
    for (const part of chunks(files, 50)) await inParallel(part, LOOK_UPS, (file) => call("DELETE", `/v1/files/${file.sha256}`));
    this.list.clear();
    note(`${counted(files.length, "file")} removed`);
    await this.reload();
  }

  #openFile(sha256) {
    this.panelFile = sha256;
    this.panel.hidden = !sha256;
    this.element.classList.toggle("has-panel", Boolean(sha256));
    if (sha256) this.panelView = openFile(this.panel, sha256, this.app, () => {
      show({ file: "" });
      this.list.element.focus();
    });
    else this.panel.replaceChildren();
    this.drawSoon();
  }
}

/** The newest prediction of each model. */
function latest(predictions) {
  const found = new Map();
  for (const one of predictions) found.set(one.model, one);
  return [...found.values()];
}
