// The page: reads its data, and joins the parts.

import { Boxes } from "./boxes.js";
import { theme } from "./colours.js";
import { byId } from "./dom.js";
import { count, counted } from "./format.js";
import { listenToKeys } from "./keys.js";
import { FileList, showErrors, showRun } from "./panes.js";
import { Player } from "./player.js";
import { State } from "./state.js";
import { TagTable, filtered } from "./table.js";
import { TagList } from "./tags.js";
import { Thumbs } from "./thumbs.js";
import { Timeline } from "./timeline.js";

const TABS = ["tags", "errors", "run"];

const page = JSON.parse(byId("page-data").textContent);
if (!page.files.length) page.files.push(emptyFile());
const state = new State(page);
const tables = new Map();
const player = new Player(state);
const timeline = new Timeline(state, player);
const boxes = new Boxes(state, player);
const tagList = new TagList(state, player, new Thumbs(state, player));
const fileList = new FileList(state, chooseFile);

showTitle();
showErrors(page, chooseFile);
listenToKeys({
  toggle: () => player.toggle(),
  skip: (ms) => player.seek(state.nowMs + ms),
  step: (frames) => player.step(frames),
  move: (places) => tagList.move(places),
  page: (pages) => tagList.move(pages * tagList.list.pageSize),
  first: () => tagList.first(),
  last: () => tagList.last(),
  search: () => byId("query").select(),
  escape: () => escape(),
  zoom: (key) => (key === "0" ? timeline.fit() : timeline.zoom(key === "-" ? 1.6 : 1 / 1.6)),
  pan: (share) => timeline.pan(share),
  file: (places) => fileList.move(places),
  tab: (place) => showTab(TABS[place]),
  speed: (steps) => player.speed(steps),
  boxes: () => toggleBoxes(),
  mute: () => player.mute(),
  theme: () => toggleTheme(),
  help: () => byId("help").showModal(),
});
byId("query").addEventListener("input", () => applyFilter(byId("query").value, state.kind));
byId("help-open").addEventListener("click", () => byId("help").showModal());
byId("theme").addEventListener("click", toggleTheme);
byId("boxes-toggle").addEventListener("click", toggleBoxes);
for (const tab of TABS) byId(`tab-${tab}`).addEventListener("click", () => showTab(tab));
for (const button of byId("kinds").children) {
  button.addEventListener("click", () => applyFilter(state.query, button.dataset.kind));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", readTheme);
setTheme(remembered());
chooseFile(0);
window.commonMl = { state, player, timeline, boxes }; // for those who look behind it

function chooseFile(place) {
  if (place === undefined || (state.table && place === state.file)) return;
  state.file = place;
  if (!tables.has(place)) tables.set(place, new TagTable(readColumns(place), page));
  state.table = tables.get(place);
  state.selected = -1;
  state.filter = filtered(state.table, state.query, state.kind);
  state.emit("file");
  state.emit("filter");
  showRun(state, searchFor);
}

function readColumns(place) {
  const names = ["start", "end", "text", "track", "frame", "box", "corners", "sure", "info", "infos", "vector"];
  const element = byId(`tags-${place}`);
  return element ? JSON.parse(element.textContent) : Object.fromEntries(names.map((name) => [name, []]));
}

function applyFilter(query, kind) {
  const isNew = query !== state.query || kind !== state.kind;
  state.query = query;
  state.kind = kind;
  for (const button of byId("kinds").children) {
    button.setAttribute("aria-checked", String(button.dataset.kind === kind));
  }
  if (!isNew) return;
  state.filter = filtered(state.table, query, kind);
  state.emit("filter");
}

function searchFor(text) {
  byId("query").value = text;
  showTab("tags");
  applyFilter(text, state.kind);
}

function escape() {
  if (document.body.classList.contains("files-open")) {
    fileList.toggle(false);
  } else if (state.query) {
    byId("query").value = "";
    applyFilter("", state.kind);
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

function toggleTheme() {
  setTheme(theme.isDark ? "light" : "dark");
  try {
    localStorage.setItem("common-ml-theme", theme.isDark ? "dark" : "light");
  } catch {
    // pages from disk may have no memory: the choice then lasts as long as the page
  }
}

function remembered() {
  try {
    return localStorage.getItem("common-ml-theme");
  } catch {
    return null;
  }
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

function showTitle() {
  byId("title").textContent = page.title;
  const tags = page.files.reduce((sum, file) => sum + file.tags, 0);
  const parts = [counted(page.files.filter((file) => file.name).length, "file"), counted(tags, "tag")];
  if (page.errors.length) parts.push(counted(page.errors.length, "error"));
  byId("summary").textContent = parts.join(" · ");
  document.title = `${page.title} · ${count(tags)} tags`;
}

function emptyFile() {
  return { name: "", done: false, errors: 0, tags: 0, kind: "unknown", note: "this tags file is empty", src: null, carried: false, mime: "", width: 0, height: 0, duration: 0, rate: 0, thumbTimes: [], thumbs: [] };
}
