// The timeline of lanes, drawn on a canvas, so that the cost depends on pixels, not on tags.

import { drawLane } from "./bars.js";
import { styleColour } from "./colours.js";
import { byId, fitCanvas, oncePerFrame } from "./dom.js";
import { clock } from "./format.js";
import { LaneHeads } from "./heads.js";
import { RULER, OVERVIEW, layLanes } from "./rows.js";
import { drawOverview, drawRuler } from "./ruler.js";
import { Scrollbar } from "./scrollbar.js";

const SHORTEST_VIEW_MS = 40;
const RIGHT_MARGIN = 12; // pixels, under the scrollbar

export class Timeline {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./player.js").Player} player
   */
  constructor(state, player) {
    this.state = state;
    this.player = player;
    this.root = byId("timeline");
    this.canvas = byId("lanes");
    this.playhead = byId("playhead");
    this.width = 0;
    this.height = 0;
    this.from = 0;
    this.to = 1;
    this.showsAll = true;
    this.scroll = 0; // pixels of lanes above the visible ones
    /** @type {any[]} see layLanes */
    this.lanes = [];
    this.lanesHeight = 0;
    /** @type {Record<string, string>} */
    this.colours = {};
    this.family = "";
    this.draw = oncePerFrame(() => this.#draw());
    this.heads = new LaneHeads(state, this);
    this.bar = new Scrollbar(byId("lanes-bar"), (scroll) => this.scrollTo(scroll));
    new ResizeObserver(() => this.#resized()).observe(this.root);
    state.on("file", () => this.#load());
    state.on("page", () => this.#renew());
    state.on("duration", () => this.#lengthen());
    state.on("tracks", () => this.#lay());
    state.on("filter", this.draw);
    state.on("selected", () => this.reveal(state.selected));
    state.on("theme", this.draw);
    state.on("time", () => this.#movePlayhead());
    for (const [id, run] of /** @type {const} */ ([["zoom-in", () => this.zoom(0.5)], ["zoom-out", () => this.zoom(2)], ["zoom-fit", () => this.fit()]])) {
      byId(id).addEventListener("click", run);
    }
  }

  /** Pixels of the names on the left. */
  get gutter() {
    return this.width < 600 ? 84 : 132;
  }

  /** Pixels that the visible time has. */
  get lanesWidth() {
    return Math.max(this.width - this.gutter - RIGHT_MARGIN, 1);
  }

  /** Pixels of height that the lanes have. */
  get room() {
    return Math.max(this.height - RULER - OVERVIEW, 0);
  }

  /** Pixels from the left edge of the timeline to a time. */
  x(ms) {
    return this.gutter + ((ms - this.from) / (this.to - this.from)) * this.lanesWidth;
  }

  /** The time at a place. */
  ms(x) {
    return this.from + ((x - this.gutter) / this.lanesWidth) * (this.to - this.from);
  }

  fit() {
    this.show(0, this.state.durationMs);
    this.showsAll = true;
  }

  /** Shows `factor` times as much time, with the time at `ms` where it is. */
  zoom(factor, ms = this.#anchor()) {
    const length = Math.min(Math.max((this.to - this.from) * factor, SHORTEST_VIEW_MS), this.state.durationMs);
    const share = (ms - this.from) / (this.to - this.from);
    this.show(ms - share * length, ms + (1 - share) * length);
  }

  /** Moves by a share of what is visible. */
  pan(share) {
    const by = share * (this.to - this.from);
    this.show(this.from + by, this.to + by);
  }

  /** Scrolls a tag into view, in time and lane. */
  reveal(tag) {
    if (tag >= 0) {
      const { table } = this.state;
      const [start, end] = [table.start[tag], table.end[tag]];
      if (end < this.from || start > this.to) {
        const half = (this.to - this.from) / 2;
        this.show(start - half, start + half);
      }
      this.revealLane(table.track[tag]);
    }
    this.draw();
  }

  /** Scrolls as little as needed for a lane to be seen. */
  revealLane(track) {
    const lane = this.lanes.find((one) => one.track === track);
    if (!lane) return;
    if (lane.top < this.scroll) this.scrollTo(lane.top);
    else if (lane.top + lane.height > this.scroll + this.room) this.scrollTo(Math.min(lane.top + lane.height - this.room, lane.top));
  }

  /** Shows a range of time, as near as that is possible. */
  show(from, to) {
    const total = Math.max(this.state.durationMs, 1);
    const length = Math.min(Math.max(to - from, Math.min(SHORTEST_VIEW_MS, total)), total);
    this.from = Math.min(Math.max(from, 0), total - length);
    this.to = this.from + length;
    this.showsAll = length === total;
    this.#movePlayhead();
    this.draw();
  }

  /** Whether there are lanes above or below the visible ones. */
  get canScroll() {
    return this.lanesHeight > this.room;
  }

  /** Shows the lanes from so many pixels below the first one's top. */
  scrollTo(scroll) {
    this.scroll = Math.min(Math.max(scroll, 0), Math.max(this.lanesHeight - this.room, 0));
    this.draw();
  }

  #anchor() {
    const now = this.state.nowMs;
    return now >= this.from && now <= this.to ? now : (this.from + this.to) / 2;
  }

  /** Shows all of a file whose length has become known, unless a part of it was chosen before. */
  #lengthen() {
    if (this.showsAll) this.fit();
    else this.show(this.from, this.to);
  }

  #load() {
    this.scroll = 0;
    this.#lay();
    this.root.classList.toggle("still", this.state.media.kind === "image");
    this.fit();
  }

  /** More tags of the same file: what is visible stays so. */
  #renew() {
    this.heads.forget();
    this.#lay();
  }

  #lay() {
    this.lanes = layLanes(this.state.table, this.state.hidden, this.state.media.wave !== "");
    const last = this.lanes.at(-1);
    this.lanesHeight = last ? last.top + last.height : 0;
    this.root.style.setProperty("--wanted", `${this.lanesHeight + RULER + OVERVIEW}px`);
    this.scrollTo(this.scroll);
  }

  #resized() {
    const { width, height } = this.root.getBoundingClientRect();
    [this.width, this.height] = [width, height];
    this.scrollTo(this.scroll);
    this.#movePlayhead();
    this.#draw(); // at once: a canvas that waits for the next frame flickers
  }

  #movePlayhead() {
    const at = this.x(this.state.nowMs);
    this.playhead.hidden = !(at >= this.gutter - 1 && at <= this.width);
    this.playhead.style.transform = `translateX(${at}px)`;
    this.root.setAttribute("aria-valuemax", String(Math.round(this.state.durationMs)));
    this.root.setAttribute("aria-valuenow", String(Math.round(this.state.nowMs)));
    this.root.setAttribute("aria-valuetext", clock(this.state.nowMs));
  }

  #draw() {
    if (!this.state.table || !this.width) return;
    const context = fitCanvas(this.canvas, this.width, this.height);
    this.colours = Object.fromEntries(
      ["ink", "muted", "line", "panel", "accent", "sunken"].map((name) => [name, styleColour(`--${name}`)]),
    );
    this.family = getComputedStyle(this.root).fontFamily;
    context.textBaseline = "middle";
    context.fillStyle = this.colours.panel;
    context.fillRect(0, RULER, this.gutter - 1, this.room);
    context.save();
    context.beginPath();
    context.rect(0, RULER, this.width, this.room);
    context.clip();
    for (const lane of this.lanes) {
      const top = RULER + lane.top - this.scroll;
      if (top < this.height && top + lane.height > RULER) drawLane(context, this, lane, top);
    }
    context.restore();
    drawRuler(context, this);
    drawOverview(context, this);
    this.heads.draw();
    this.bar.show(this.scroll, this.room, this.lanesHeight);
  }
}
