// What the page shows at the moment, and who wants to know when that changes.

/** Events: "file", "filter", "selected", "time", "theme", "boxes". */
export class State {
  file = 0;
  table = null;
  filter = null;
  query = "";
  kind = "all";
  selected = -1;
  nowMs = 0;
  durationMs = 1;
  showsBoxes = true;
  #listeners = new Map();

  constructor(page) {
    this.page = page;
  }

  get media() {
    return this.page.files[this.file];
  }

  on(event, listener) {
    if (!this.#listeners.has(event)) this.#listeners.set(event, []);
    this.#listeners.get(event).push(listener);
  }

  emit(event) {
    for (const listener of this.#listeners.get(event) ?? []) listener();
  }
}
