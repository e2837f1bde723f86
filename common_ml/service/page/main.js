// Entry point of the page: session, views, live events.

import { make } from "/shared/dom.js";
import { AccountView } from "./account_view.js";
import { AdminView } from "./admin_view.js";
import { all, connection, reasonOf } from "./api.js";
import { acceptDrops } from "./dropping.js";
import { Events } from "./events.js";
import { FilesView } from "./files_view.js";
import { listenToKeys, showKeys } from "./keys.js";
import { ModelsView } from "./models_view.js";
import { note } from "./notes.js";
import { PendingUploads } from "./pending_uploads.js";
import { PredictionsStore } from "./predictions_store.js";
import { QueueView } from "./queue_view.js";
import { Session } from "./session.js";
import { startTheme, toggleTheme } from "./theme.js";
import { showUploads } from "./upload_tray.js";
import { Uploads } from "./uploads.js";
import { show, shown, viewState } from "./view_state.js";
import { showWork } from "./work_bar.js";

const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const MODELS_EVERY = 15_000; // ms: workers come and go

export class App {
  /** @param {Session} session Of somebody who is logged in. @param {PendingUploads} pending */
  constructor(session, pending) {
    this.session = session;
    this.store = new PredictionsStore();
    /** @type {import("./kinds.js").Model[]} */
    this.models = [];
    this.uploads = new Uploads(pending);
    this.files = new FilesView(this);
    this.queue = new QueueView(this);
    /** @type {[string, string, any][]} */
    this.views = [["files", "Files", this.files], ["queue", "Predictions", this.queue], ["models", "Models", new ModelsView(this)], ["account", "Account", new AccountView(this)]];
    if (session.may("admin")) this.views.push(["admin", "Administration", new AdminView(this)]);
  }

  async start() {
    byId("bar").hidden = false;
    byId("who").textContent = this.session.profile.username;
    byId("views").replaceChildren(...this.views.map(([id, name]) => make("a", { href: id === "files" ? "/" : `/?view=${id}`, data: { view: id }, onclick: (event) => {
      event.preventDefault();
      show({ view: id });
    } }, name)));
    showWork(this.store);
    showUploads(byId("tray"), this.uploads, { mayPredict: this.session.may("predict"), onPredict: (files) => this.files.predict(files) });
    this.uploads.addEventListener("uploaded", () => this.files.uploaded());
    if (this.session.may("upload")) acceptDrops(byId("drop"), (files) => this.uploads.add(files));
    this.#listen();
    this.#draw(null);
    viewState.addEventListener("change", (event) => this.#draw(/** @type {CustomEvent} */ (event).detail.before));
    this.#watch();
    this.loadModels().catch((error) => note(reasonOf(error), { isBad: true }));
    setInterval(() => this.loadModels().catch(() => {}), MODELS_EVERY); // the next try, or another request, tells
  }

  async loadModels() {
    const before = this.models.map((one) => one.name).join("\n");
    this.models = await all("/v1/models");
    document.documentElement.dataset.models = String(this.models.length);
    if (this.models.map((one) => one.name).join("\n") === before) return;
    const view = [this.files, this.queue].find((one) => one.element.isConnected); // their filters name models
    view?.update(shown());
  }

  #watch() {
    const events = new Events({
      onPrediction: (event) => this.store.apply(event),
      onGap: () => {
        this.store.refresh();
        this.loadModels().catch(() => {});
        this.files.reload({ keep: true });
        this.queue.reload({ keep: true });
      },
    });
    events.start();
    this.store.loadPending();
  }

  #draw(before) {
    const now = shown();
    const [id, name, view] = this.views.find(([one]) => one === now.view) ?? this.views[0];
    for (const link of byId("views").querySelectorAll("a")) {
      if (link.dataset.view === id) {
        link.setAttribute("aria-current", "page");
        link.scrollIntoView({ block: "nearest", inline: "nearest" }); // on phones the row is longer than the window
      } else link.removeAttribute("aria-current");
    }
    document.title = `${name} · common-ml`;
    const main = byId("main");
    if (main.firstElementChild !== view.element) main.replaceChildren(view.element);
    Promise.resolve(view.update(before)).catch((error) => note(reasonOf(error), { isBad: true }));
  }

  #listen() {
    byId("theme").onclick = toggleTheme;
    byId("help-open").onclick = showKeys;
    byId("log-out").onclick = () => this.session.end();
    for (const state of ["late", "live"]) connection.addEventListener(state, () => {
      byId("late").hidden = state === "live";
    });
    connection.addEventListener("logged-out", () => location.reload()); // asks for the login; uploads can be resumed
    const goTo = (place) => () => this.views[place] && show({ view: this.views[place][0] });
    listenToKeys({
      "/": () => {
        if (shown().view !== "files") show({ view: "files" });
        this.files.search.focus();
      },
      "?": showKeys,
      t: toggleTheme,
      u: () => byId("add-files")?.click(),
      p: () => byId("predict")?.click(),
      Escape: () => shown().file && show({ file: "" }),
      1: goTo(0), 2: goTo(1), 3: goTo(2), 4: goTo(3), 5: goTo(4),
    }, (key) => shown().view === "queue" && this.queue.key(key));
  }
}

async function start() {
  startTheme();
  for (const state of ["away", "back"]) connection.addEventListener(state, () => {
    byId("offline").hidden = state === "back";
  });
  const session = new Session();
  await session.begin(byId("main"));
  await new App(session, await PendingUploads.open(session.profile.username)).start();
}

start().catch((error) => note(reasonOf(error), { isBad: true }));
