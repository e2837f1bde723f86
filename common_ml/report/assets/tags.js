// The list of tags, and the details of the selected one.

import { CHANGES, CHANGE_SIGNS } from "./changenames.js";
import { markColour } from "./colours.js";
import { byId, make, rowOf } from "./dom.js";
import { clock, count, span, trackName } from "./format.js";
import { VirtualList } from "./list.js";
import { THUMB } from "./thumbs.js";

export class TagList {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./player.js").Player} player
   * @param {import("./thumbs.js").Thumbs} thumbs
   */
  constructor(state, player, thumbs) {
    this.state = state;
    this.player = player;
    this.thumbs = thumbs;
    this.kept = /** @type {number | null} */ (null);
    this.root = byId("tags-list");
    this.list = new VirtualList(this.root, {
      rowHeight: 62,
      makeRow: () => this.#makeRow(),
      fillRow: (row, index) => this.#fillRow(row, index),
    });
    state.on("filter", () => this.#reset());
    state.on("selected", () => this.#showSelected());
    state.on("time", () => this.#markNow());
    for (const event of ["theme", "verdicts"]) state.on(event, () => this.list.draw());
    this.root.addEventListener("click", (event) => {
      const row = rowOf(event);
      if (row) this.choose(Number(row.dataset.index));
    });
  }

  /** Selects the tag at a place of the list and goes to its beginning. */
  choose(index) {
    const { filter } = this.state;
    if (!filter.list.length) return;
    const place = Math.min(Math.max(index, 0), filter.list.length - 1);
    this.state.selected = filter.list[place];
    this.player.seekTag(this.state.selected);
    this.state.emit("selected");
  }

  /** Selects a tag some places on; from the current time if none is chosen. */
  move(places) {
    const at = this.#placeOf(this.state.selected);
    this.choose(at >= 0 ? at + places : this.#placeAt(this.state.nowMs));
  }

  first() {
    this.choose(0);
  }

  last() {
    this.choose(this.state.filter.list.length - 1);
  }

  /** The place of a tag in the list, or -1. */
  #placeOf(tag) {
    return tag >= 0 ? this.state.filter.places[tag] : -1;
  }

  /** The place of the first tag from a time on, among those that the list begins with by time. */
  #placeAt(ms) {
    const { list, lead } = this.state.filter;
    const tag = this.state.table.firstFrom(ms);
    let [low, high] = [0, lead];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (list[middle] < tag) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The first tag that is seen; -1 without any. */
  get firstSeen() {
    return this.state.filter.list[this.list.firstRow] ?? -1;
  }

  /** Keeps a tag at the first visible row when the list is updated; -1: keeps the row itself. */
  keep(tag) {
    this.kept = tag;
  }

  #reset() {
    const { state } = this;
    const { order } = state.filter;
    const isAll = order.length === state.media.tags;
    byId("tags-count").textContent = isAll ? count(order.length) : `${count(order.length)} of ${count(state.media.tags)}`;
    const whenEmpty = state.table.size ? "No tag fits the filter." : "This file has no tags.";
    if (this.kept === null) {
      this.list.reset(order.length, whenEmpty);
      this.#showSelected();
      return;
    }
    const place = this.#placeOf(this.kept);
    this.kept = null;
    for (const row of this.list.rows) row.shown = "";
    this.list.keep(order.length, whenEmpty, place < 0 ? 0 : place - this.list.firstRow);
    this.#markSelected();
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
    const verdict = make("b", { className: "verdict", hidden: true });
    const change = make("b", { className: "change" });
    const row = make(
      "div",
      { className: "row tag" },
      make("i", { className: "stripe" }),
      picture,
      make(
        "span",
        { className: "words" },
        make("span", { className: "line" }, verdict, change, name, make("span", { className: "certainty" }, meter, sure)),
        make("span", { className: "line minor" }, when, track, info),
      ),
    );
    const parts = { thumb, outline, picture, name, when, track, meter, sure, info, verdict, change, stripe: row.firstChild };
    return Object.assign(row, { parts, shown: "" });
  }

  #fillRow(row, index) {
    const { table, filter, selected } = this.state;
    const tag = filter.list[index];
    const { parts } = row;
    row.id = `tag-${tag}`;
    row.setAttribute("aria-selected", String(tag === selected));
    this.#mark(row, tag);
    this.#showVerdict(parts.verdict, table.verdicts.get(tag));
    const key = `${this.state.file} ${tag}`;
    if (row.shown === key && parts.stripe.style.background) {
      parts.stripe.style.background = markColour(table.look[tag]);
      return;
    }
    row.shown = key;
    parts.stripe.style.background = markColour(table.look[tag]);
    parts.change.hidden = !table.isCompared || !table.change[tag];
    parts.change.textContent = CHANGE_SIGNS[table.change[tag] ?? 0];
    parts.change.className = `change ${CHANGES[table.change[tag] ?? 0]}`;
    parts.change.title = CHANGES[table.change[tag] ?? 0];
    parts.name.textContent = table.textOf(tag) || "(empty)";
    parts.name.title = table.textOf(tag);
    const [start, end] = [table.start[tag], table.end[tag]];
    parts.when.textContent = end > start ? `${clock(start)} · ${span(end - start)}` : clock(start);
    parts.track.textContent = table.page.tracks.length > 1 ? trackName(table.trackOf(tag)) : "";
    const sure = table.sure[tag];
    parts.meter.hidden = sure === null || sure < 0 || sure > 1;
    parts.meter.value = sure ?? 0;
    parts.sure.textContent = sure === null ? "" : sure > 1 ? String(Number(sure.toPrecision(6))) : sure.toFixed(2);
    parts.info.textContent = brief(table.infoOf(tag), sure);
    parts.picture.hidden = !this.thumbs.areThere(this.state.file);
    if (!parts.picture.hidden) {
      this.thumbs.paint(parts.thumb, this.thumbs.momentOf(tag), () => row.shown === key && !row.hidden);
      this.#placeOutline(parts.outline, table, tag);
    }
  }

  #showVerdict(sign, said) {
    sign.hidden = !said;
    if (!said) return;
    sign.textContent = said.verdict === "accepted" ? "✓" : said.verdict === "rejected" ? "✗" : "✎";
    sign.className = `verdict ${said.verdict ?? ""}`;
    sign.title = [said.verdict, said.note].filter(Boolean).join(": ");
  }

  /** The tag's box over its small picture, which is whole in the middle of the thumbnail. */
  #placeOutline(outline, table, tag) {
    const box = table.boxOf(tag);
    outline.hidden = !box;
    if (!box) return;
    const { width = 16, height = 9 } = this.state.media;
    const shape = (width || 16) / (height || 9);
    const frame = THUMB.width / THUMB.height;
    const [w, h] = shape > frame ? [1, frame / shape] : [shape / frame, 1];
    const across = (value) => (value - 0.5) * w + 0.5;
    const down = (value) => (value - 0.5) * h + 0.5;
    outline.style.inset = `${down(box[1]) * 100}% ${(1 - across(box[2])) * 100}% ${(1 - down(box[3])) * 100}% ${across(box[0]) * 100}%`;
    outline.style.borderColor = markColour(table.look[tag]);
  }

  #mark(row, tag) {
    const { table, nowMs } = this.state;
    row.classList.toggle("now", table.start[tag] <= nowMs + 1 && table.shownUntil[tag] > nowMs + 1);
  }

  #markNow() {
    const { filter } = this.state;
    if (!filter) return;
    for (const row of this.list.rows) {
      const tag = filter.list[row.dataset.index];
      if (!row.hidden && tag !== undefined) this.#mark(row, tag);
    }
    if (this.player.isPlaying && !this.root.matches(":hover")) this.#follow();
  }

  /** Scrolls a list by time along during playback, unless the pointer is over it. */
  #follow() {
    const { filter, nowMs } = this.state;
    if (!filter.lead) return;
    const next = this.#placeAt(nowMs + 1);
    if (next !== this.followed) {
      this.followed = next;
      this.list.reveal(Math.min(Math.max(next - 1, 0), filter.lead - 1));
    }
  }

  #showSelected() {
    const { selected } = this.state;
    const place = this.#placeOf(selected);
    this.#showDetails(place >= 0 ? selected : -1); // first: it takes room from the list
    this.list.reveal(place);
    this.list.draw();
    this.#markSelected();
  }

  #markSelected() {
    const { selected } = this.state;
    if (this.#placeOf(selected) >= 0) this.root.setAttribute("aria-activedescendant", `tag-${selected}`);
    else this.root.removeAttribute("aria-activedescendant");
  }

  #showDetails(tag) {
    const pane = byId("facts");
    byId("details").hidden = tag < 0;
    if (tag < 0) {
      pane.replaceChildren();
      return;
    }
    const { table } = this.state;
    const info = table.infoOf(tag);
    const box = table.boxOf(tag);
    const facts = [
      ...changeFacts(table, tag),
      ["Track", trackName(table.trackOf(tag))],
      ["From", clock(table.start[tag])],
      table.end[tag] > table.start[tag] && ["To", `${clock(table.end[tag])} (${span(table.end[tag] - table.start[tag])})`],
      table.isFrame(tag) && ["Frame", count(table.frame[tag])],
      table.sure[tag] !== null && ["Confidence", String(Number(table.sure[tag].toPrecision(6)))],
      box && ["Box", [...box].map((edge) => edge.toFixed(3)).join("  ")],
      table.vector[tag] > 0 && ["Vector", `${count(table.vector[tag])} numbers`],
    ].filter((fact) => Array.isArray(fact));
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

/** Of a page of two runs: what changed, and what it was before. */
function changeFacts(table, tag) {
  if (!table.isCompared) return [];
  const earlier = table.change[tag] === 1 ? table.partner[tag] : -1;
  const box = earlier < 0 ? null : table.boxOf(earlier);
  return [
    ["Change", earlier < 0 ? CHANGES[table.change[tag]] : `moved, overlap ${table.overlap[tag].toFixed(2)}`],
    earlier >= 0 && ["Before", `${clock(table.start[earlier])}${table.end[earlier] > table.start[earlier] ? ` – ${clock(table.end[earlier])}` : ""}`],
    box && ["Box before", [...box].map((edge) => edge.toFixed(3)).join("  ")],
  ];
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
