// Entry point of the page: reads its data, and connects the components.

import { keepAddress, readAddress, tagNamed } from "./address.js";
import { Boxes } from "./boxes.js";
import { Changes } from "./changes.js";
import { theme } from "./colours.js";
import { Counts } from "./counts.js";
import { byId, make } from "./dom.js";
import { listenToExport } from "./exports.js";
import { filtered, matching } from "./filter.js";
import { count, counted } from "./format.js";
import { Gallery } from "./gallery.js";
import { Histogram } from "./histogram.js";
import { listenToKeys } from "./keys.js";
import { keepLive } from "./live.js";
import { recall, remember } from "./memory.js";
import { ORDERS } from "./order.js";
import { FileList, showErrors, showRun } from "./panes.js";
import { Player } from "./player.js";
import { LanePointer } from "./pointer.js";
import { parseQuery } from "./queryparser.js";
import { Review } from "./review.js";
import { Search } from "./search.js";
import { State } from "./state.js";
import { listenToEdges } from "./splitter.js";
import { TagList } from "./tags.js";
import { Thumbs } from "./thumbs.js";
import { Timeline } from "./timeline.js";
import { listenForStaleTips } from "./tip.js";
import { keyOf, Verdicts } from "./verdicts.js";

const TABS = ["tags", "errors", "run"];

const page = JSON.parse(byId("page-data").textContent);
fill(page);
const state = new State(page);
const player = new Player(state);
const timeline = new Timeline(state, player);
const pointer = new LanePointer(state, player, timeline);
const boxes = new Boxes(state, player);
const thumbs = new Thumbs(state, player);
const tagList = new TagList(state, player, thumbs);
const fileList = new FileList(state, new Counts(state), thumbs, chooseFile);
const verdicts = new Verdicts(state);
const review = new Review(state, verdicts, tagList, refilter);
const changes = new Changes(state, tagList, chooseFile, refilter);
const gallery = new Gallery(state, thumbs, fileList, showMoment);
const search = new Search(state, refilter);
new Histogram(state, (threshold) => {
  state.threshold = threshold;
  refilter();
});

showTitle();
showErrors(page, chooseFile);
listenForStaleTips();
state.on("tracks", refilter);
listenToKeys({
  toggle: () => player.toggle(),
  skip: (ms) => player.seek(state.nowMs + ms),
  step: (frames) => player.step(frames),
  move: (places) => tagList.move(places),
  page: (pages) => tagList.move(pages * tagList.list.pageSize),
  first: () => tagList.first(),
  last: () => tagList.last(),
  search: () => search.focus(),
  escape: () => stepBack(),
  zoom: (key) => (key === "0" ? timeline.fit() : timeline.zoom(key === "-" ? 1.6 : 1 / 1.6)),
  pan: (share) => timeline.pan(share),
  file: (places) => fileList.move(places),
  tab: (place) => showTab(TABS[place]),
  speed: (steps) => player.speed(steps),
  boxes: () => toggleBoxes(),
  full: () => toggleFull(),
  gallery: () => gallery.toggle(),
  decide: (decision) => review.decide(decision),
  difference: (by) => changes.step(by),
  note: () => review.write(),
  mute: () => player.mute(),
  theme: () => toggleTheme(),
  help: () => byId("help").showModal(),
});
byId("sort").append(...Object.entries(ORDERS).map(([value, name]) => make("option", { value }, name)));
byId("sort").addEventListener("change", () => {
  state.sort = byId("sort").value;
  refilter();
});
byId("help-open").addEventListener("click", () => byId("help").showModal());
byId("full").addEventListener("click", toggleFull);
byId("full").hidden = !document.fullscreenEnabled;
byId("theme").addEventListener("click", toggleTheme);
byId("boxes-toggle").addEventListener("click", toggleBoxes);
for (const tab of TABS) byId(`tab-${tab}`).addEventListener("click", () => showTab(tab));
for (const button of kindButtons()) {
  button.addEventListener("click", () => {
    showKind(button.dataset.kind);
    refilter();
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readTheme);
setTheme(recall("theme"));
listenToEdges();
listenToExport(state);
goTo(location.hash);
keepAddress(state, player, gallery);
keepLive(state, verdicts, takeOver);
window.addEventListener("hashchange", () => goTo(location.hash));
Object.assign(window, { commonMl: { state, player, timeline, pointer, boxes, search, gallery, verdicts, filesWith } }); // for the console and tests

/** The buttons that choose which kind of tags is shown. */
function kindButtons() {
  return /** @type {HTMLElement[]} */ ([...byId("kinds").children]);
}

function chooseFile(place) {
  if (place !== undefined && (!state.table || place !== state.file)) show(place);
}

/** Shows a file from its beginning. */
function show(place) {
  state.file = place;
  state.table = state.tables.of(place);
  state.selected = -1;
  showKind("all"); // of another file there may be only one kind
  state.filter = filtered(state);
  state.emit("file");
  state.emit("filter");
  showRun(state, searchFor);
}

/**
 * Updates to a newer page of the same tags file; selection, zoom, scroll position and input stay.
 * @param {import("./state.js").PageData} newer
 * @param {Document} source
 */
function takeOver(newer, source) {
  const { media, table, selected } = state;
  const keys = [selected, tagList.firstSeen].map((tag) => (tag < 0 ? null : { ms: table.start[tag], key: keyOf(media.name, table, tag) }));
  fill(newer);
  state.renew(newer, source);
  const [chosen, seen] = keys.map((one) => (one ? sameTag(one) : -1));
  state.selected = chosen;
  state.filter = filtered(state);
  showTitle();
  showErrors(page, chooseFile);
  state.emit("page");
  if (state.media.name !== media.name || state.media.src !== media.src) {
    show(state.file); // the selected file was removed or added
    return;
  }
  tagList.keep(seen);
  state.emit("filter");
  showRun(state, searchFor);
}

/** The tag of the file that is shown which is the same as one of an earlier page; -1 without one. */
function sameTag({ ms, key }) {
  const { table, media } = state;
  for (let tag = table.firstFrom(ms); tag < table.size && table.start[tag] === ms; tag++) {
    if (keyOf(media.name, table, tag) === key) return tag;
  }
  return -1;
}

/** Shows the view of a URL. */
function goTo(hash) {
  const wanted = readAddress(state, hash);
  state.hidden = wanted.hidden;
  state.threshold = wanted.threshold;
  state.sort = wanted.sort in ORDERS ? wanted.sort : "ranges";
  byId("sort").value = state.sort;
  chooseFile(wanted.file);
  search.set(wanted.query);
  showKind(wanted.kind);
  state.emit("tracks"); // filters anew
  const tag = tagNamed(state.table, wanted.tag);
  if (tag >= 0) {
    state.selected = tag;
    state.emit("selected");
  }
  if (wanted.ms) player.seek(wanted.ms);
  if (wanted.gallery !== gallery.isOpen) gallery.toggle();
}

/** Leaves the gallery for a moment of it. */
function showMoment(place, ms, tag) {
  gallery.toggle(false);
  chooseFile(place);
  state.selected = tag;
  if (tag >= 0) player.seekTag(tag);
  else player.seek(ms);
  state.emit("selected");
}

function showKind(kind) {
  state.kind = kind;
  for (const button of kindButtons()) {
    button.setAttribute("aria-checked", String(button.dataset.kind === kind));
  }
}

function refilter() {
  state.filter = filtered(state);
  state.emit("filter");
}

function searchFor(text) {
  showTab("tags");
  search.set(`label = '${text.replaceAll("'", "''")}'`);
}

/** Undoes the last choice: the open list, then the filter, then the selection. */
function stepBack() {
  if (gallery.isOpen) {
    gallery.toggle(false);
  } else if (document.body.classList.contains("files-open")) {
    fileList.toggle(false);
  } else if (state.query) {
    search.set("");
  } else if (state.selected >= 0) {
    state.selected = -1;
    state.emit("selected");
  }
  byId("query").blur();
}

function showTab(name) {
  for (const tab of TABS) {
    byId(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
    byId(`${tab}-pane`).hidden = tab !== name;
  }
  if (name === "tags") tagList.list.draw();
}

function toggleBoxes() {
  state.showsBoxes = !state.showsBoxes;
  byId("boxes-toggle").setAttribute("aria-pressed", String(state.showsBoxes));
  state.emit("boxes");
}

function toggleFull() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("centre").requestFullscreen?.().catch(() => {}); // forbidden in some frames
}

function toggleTheme() {
  setTheme(theme.isDark ? "light" : "dark");
  remember("theme", theme.isDark ? "dark" : "light");
}

function setTheme(name) {
  if (name === "light" || name === "dark") document.documentElement.dataset.theme = name;
  readTheme();
}

function readTheme() {
  const chosen = document.documentElement.dataset.theme;
  theme.isDark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  state.emit("theme");
}

/** Names of the files that have a tag which matches an expression. */
function filesWith(text) {
  const wanted = Object.assign(new State(page), { condition: { tree: parseQuery(text) } });
  return page.files.filter((file, place) => matching(wanted, state.tables.of(place), file).length > 0).map((file) => file.name);
}

function showTitle() {
  byId("title").textContent = page.title;
  const tags = page.files.reduce((sum, file) => sum + file.tags, 0);
  const parts = [counted(page.files.filter((file) => file.name).length, "file"), counted(tags, "tag")];
  if (page.errors.length) parts.push(counted(page.errors.length, "error"));
  byId("summary").textContent = parts.join(" · ");
  document.title = `${page.title} · ${count(tags)} tags`;
}

/** A page always has a file. */
function fill(data) {
  if (!data.files.length) data.files.push(emptyFile());
}

function emptyFile() {
  return { name: "", done: false, errors: 0, tags: 0, kind: "unknown", note: "this tags file is empty", src: null, carried: false, mime: "", width: 0, height: 0, duration: 0, rate: 0, wave: "", thumbTimes: [], thumbs: [] };
}
