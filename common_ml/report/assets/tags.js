// The list of tags, and all that is known of the chosen one.

import { markColour } from "./colours.js";
import { byId, make } from "./dom.js";
import { clock, count, span, trackName } from "./format.js";
import { VirtualList } from "./list.js";
import { THUMB } from "./thumbs.js";

export class TagList {
  constructor(state, player, thumbs) {
    Object.assign(this, { state, player, thumbs });
    this.root = byId("tags-list");
    this.list = new VirtualList(this.root, {
      rowHeight: 62,
      makeRow: () => this.#makeRow(),
      fillRow: (row, index) => this.#fillRow(row, index),
    });
    state.on("filter", () => this.#reset());
    state.on("selected", () => this.#showSelected());
    state.on("time", () => this.#markNow());
    state.on("theme", () => this.list.draw());
    this.root.addEventListener("click", (event) => {
      const row = event.target.closest("[data-index]");
      if (row) this.choose(Number(row.dataset.index));
    });
  }

  /** Selects the tag at a place of the list and goes to its beginning. */
  choose(index) {
    const { filter } = this.state;
    if (!filter.order.length) return;
    const place = Math.min(Math.max(index, 0), filter.order.length - 1);
    this.state.selected = filter.order[place];
    this.player.seekTag(this.state.selected);
    this.state.emit("selected");
  }

  /** Selects a tag some places on; from the current time if none is chosen. */
  move(places) {
    const at = this.#placeOf(this.state.selected);
    if (at >= 0) this.choose(at + places);
    else this.choose(this.#placeOf(this.state.table.firstFrom(this.state.nowMs), true));
  }

  first() {
    this.choose(0);
  }

  last() {
    this.choose(this.state.filter.order.length - 1);
  }

  /** The place of a tag in the list, or -1; with `nearest` the place where it would be. */
  #placeOf(tag, nearest = false) {
    const { order } = this.state.filter;
    let [low, high] = [0, order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (order[middle] < tag) low = middle + 1;
      else high = middle;
    }
    return nearest || (tag >= 0 && order[low] === tag) ? low : -1;
  }

  #reset() {
    const { state } = this;
    const { order } = state.filter;
    const isAll = order.length === state.table.size;
    byId("tags-count").textContent = isAll ? count(order.length) : `${count(order.length)} of ${count(state.table.size)}`;
    this.list.reset(order.length, state.table.size ? "No tag fits the filter." : "This file has no tags.");
    this.#showSelected();
  }

  #makeRow() {
    const thumb = make("canvas", { className: "thumb", width: 2 * THUMB.width, height: 2 * THUMB.height });
    const outline = make("b", { className: "outline" });
    const picture = make("span", { className: "picture" }, thumb, outline);
    const name = make("span", { className: "name" });
    const when = make("span", { className: "when" });
    const track = make("span", { className: "track" });
    const meter = make("meter", { min: 0, max: 1 });
    const sure = make("span", { className: "sure" });
    const info = make("span", { className: "info" });
    const row = make(
      "div",
      { className: "row tag" },
      make("i", { className: "stripe" }),
      picture,
      make(
        "span",
        { className: "words" },
        make("span", { className: "line" }, name, make("span", { className: "certainty" }, meter, sure)),
        make("span", { className: "line minor" }, when, track, info),
      ),
    );
    row.parts = { thumb, outline, picture, name, when, track, meter, sure, info, stripe: row.firstChild };
    return row;
  }

  #fillRow(row, index) {
    const { table, filter, selected } = this.state;
    const tag = filter.order[index];
    const { parts } = row;
    row.id = `tag-${tag}`;
    row.setAttribute("aria-selected", String(tag === selected));
    this.#mark(row, tag);
    const key = `${this.state.file} ${tag}`;
    if (row.shown === key && parts.stripe.style.background) {
      parts.stripe.style.background = markColour(table.text[tag]);
      return;
    }
    row.shown = key;
    parts.stripe.style.background = markColour(table.text[tag]);
    parts.name.textContent = table.textOf(tag) || "(empty)";
    parts.name.title = table.textOf(tag);
    const [start, end] = [table.start[tag], table.end[tag]];
    parts.when.textContent = end > start ? `${clock(start)} · ${span(end - start)}` : clock(start);
    parts.track.textContent = table.page.tracks.length > 1 ? trackName(table.trackOf(tag)) : "";
    const sure = table.sure[tag];
    parts.meter.hidden = sure === null || sure < 0 || sure > 1;
    parts.meter.value = sure ?? 0;
    parts.sure.textContent = sure === null ? "" : sure > 1 ? String(sure) : sure.toFixed(2);
    parts.info.textContent = brief(table.infoOf(tag), sure);
    parts.picture.hidden = !this.thumbs.areThere;
    if (!parts.picture.hidden) {
      this.thumbs.paint(parts.thumb, tag, () => row.shown === key && !row.hidden);
      this.#placeOutline(parts.outline, table, tag);
    }
  }

  /** The tag's box over its small picture, which is cut to the shape of the thumbnail. */
  #placeOutline(outline, table, tag) {
    const box = table.boxOf(tag);
    outline.hidden = !box;
    if (!box) return;
    const { width = 16, height = 9 } = this.state.media;
    const shape = (width || 16) / (height || 9);
    const frame = THUMB.width / THUMB.height;
    const [w, h] = shape > frame ? [shape / frame, 1] : [1, frame / shape];
    const across = (value) => (value - 0.5) * w + 0.5;
    const down = (value) => (value - 0.5) * h + 0.5;
    outline.style.inset = `${down(box[1]) * 100}% ${(1 - across(box[2])) * 100}% ${(1 - down(box[3])) * 100}% ${across(box[0]) * 100}%`;
    outline.style.borderColor = markColour(table.text[tag]);
  }

  #mark(row, tag) {
    const { table, nowMs } = this.state;
    row.classList.toggle("now", table.start[tag] <= nowMs + 1 && table.shownUntil[tag] > nowMs + 1);
  }

  #markNow() {
    const { filter } = this.state;
    if (!filter) return;
    for (const row of this.list.rows) {
      if (!row.hidden && filter.order[row.dataset.index] !== undefined) this.#mark(row, filter.order[row.dataset.index]);
    }
    if (this.player.isPlaying && !this.root.matches(":hover")) this.#follow();
  }

  /** While it plays, the list goes along, unless the pointer is in it. */
  #follow() {
    const { table, filter, nowMs } = this.state;
    const next = this.#placeOf(table.firstFrom(nowMs + 1), true);
    if (filter.order.length && next !== this.followed) {
      this.followed = next;
      this.list.reveal(Math.min(Math.max(next - 1, 0), filter.order.length - 1));
    }
  }

  #showSelected() {
    const { selected } = this.state;
    const place = this.#placeOf(selected);
    this.#showDetails(place >= 0 ? selected : -1); // first: it takes room from the list
    this.list.reveal(place);
    this.list.draw();
    if (place >= 0) this.root.setAttribute("aria-activedescendant", `tag-${selected}`);
    else this.root.removeAttribute("aria-activedescendant");
  }

  #showDetails(tag) {
    const pane = byId("details");
    pane.hidden = tag < 0;
    if (pane.hidden) {
      pane.replaceChildren();
      return;
    }
    const { table } = this.state;
    const info = table.infoOf(tag);
    const box = table.boxOf(tag);
    const facts = [
      ["Track", trackName(table.trackOf(tag))],
      ["From", clock(table.start[tag])],
      table.end[tag] > table.start[tag] && ["To", `${clock(table.end[tag])} (${span(table.end[tag] - table.start[tag])})`],
      table.isFrame(tag) && ["Frame", count(table.frame[tag])],
      table.sure[tag] !== null && ["Confidence", String(table.sure[tag])],
      box && ["Box", [...box].map((edge) => edge.toFixed(3)).join("  ")],
      table.vector[tag] > 0 && ["Vector", `${count(table.vector[tag])} numbers`],
    ].filter(Boolean);
    const close = make("button", { className: "ghost icon", title: "Close (escape)", attr: { "aria-label": "Close" } }, "×");
    close.addEventListener("click", () => {
      this.state.selected = -1;
      this.state.emit("selected");
      this.root.focus();
    });
    pane.replaceChildren(
      make("div", { className: "details-head" }, make("h3", {}, table.textOf(tag) || "(empty)"), close),
      make("dl", {}, ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])),
      ...(info ? [make("h4", {}, "additional_info"), make("pre", {}, JSON.stringify(info, null, 2))] : []),
    );
  }
}

/** The first details of a tag on one line, without the confidence that stands elsewhere. */
function brief(info, sure) {
  if (!info) return "";
  return Object.entries(info)
    .filter(([, value]) => typeof value !== "number" || sure === null || Math.abs(value - sure) > 1e-3)
    .slice(0, 4)
    .map(([key, value]) => `${key} ${typeof value === "string" ? value : JSON.stringify(value)}`)
    .join("  ")
    .slice(0, 120);
}
