// The lanes under the media: drawn on a canvas, so that 100,000 tags cost no more than its pixels.

import { barColour, markColour, styleColour } from "./colours.js";
import { byId, fitCanvas, oncePerFrame } from "./dom.js";
import { clock, span, trackName } from "./format.js";
import { RULER, OVERVIEW, firstReaching, layLanes } from "./rows.js";

const SHORTEST_VIEW_MS = 40;
const MOST_TEXTS_A_TICK = 4;
const STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 288e5];

export class Timeline {
  constructor(state, player) {
    this.state = state;
    this.player = player;
    this.root = byId("timeline");
    this.canvas = byId("lanes");
    this.playhead = byId("playhead");
    this.from = 0;
    this.to = 1;
    this.scroll = 0; // pixels of lanes above the visible ones
    this.lanes = [];
    this.draw = oncePerFrame(() => this.#draw());
    new ResizeObserver(() => this.#resized()).observe(this.root);
    state.on("file", () => this.#load());
    state.on("duration", () => this.fit());
    state.on("filter", this.draw);
    state.on("selected", () => this.reveal(state.selected));
    state.on("theme", this.draw);
    state.on("time", () => this.#movePlayhead());
    this.#listen();
  }

  /** Pixels of the names on the left. */
  get gutter() {
    return this.width < 600 ? 84 : 132;
  }

  /** Pixels from the left edge of the timeline to a time. */
  x(ms) {
    return this.gutter + ((ms - this.from) / (this.to - this.from)) * (this.width - this.gutter - 8);
  }

  /** The time at a place. */
  ms(x) {
    return this.from + ((x - this.gutter) / (this.width - this.gutter - 8)) * (this.to - this.from);
  }

  fit() {
    this.#show(0, this.state.durationMs);
  }

  /** Shows `factor` times as much time, with the time at `ms` where it is. */
  zoom(factor, ms = this.#anchor()) {
    const length = Math.min(Math.max((this.to - this.from) * factor, SHORTEST_VIEW_MS), this.state.durationMs);
    const share = (ms - this.from) / (this.to - this.from);
    this.#show(ms - share * length, ms + (1 - share) * length);
  }

  /** Moves by a share of what is visible. */
  pan(share) {
    const by = share * (this.to - this.from);
    this.#show(this.from + by, this.to + by);
  }

  /** Sees to it that a tag can be seen. */
  reveal(tag) {
    if (tag >= 0) {
      const [start, end] = [this.state.table.start[tag], this.state.table.end[tag]];
      if (end < this.from || start > this.to) {
        const half = (this.to - this.from) / 2;
        this.#show(start - half, start + half);
      }
    }
    this.draw();
  }

  #show(from, to) {
    const total = Math.max(this.state.durationMs, 1);
    const length = Math.min(Math.max(to - from, Math.min(SHORTEST_VIEW_MS, total)), total);
    this.from = Math.min(Math.max(from, 0), total - length);
    this.to = this.from + length;
    this.#movePlayhead();
    this.draw();
  }

  #anchor() {
    const now = this.state.nowMs;
    return now >= this.from && now <= this.to ? now : (this.from + this.to) / 2;
  }

  #load() {
    this.lanes = layLanes(this.state.table);
    this.scroll = 0;
    const last = this.lanes.at(-1);
    this.lanesHeight = last ? last.top + last.height : 0;
    this.root.style.setProperty("--wanted", `${this.lanesHeight + RULER + OVERVIEW}px`);
    this.root.classList.toggle("still", this.state.media.kind === "image");
    this.fit();
  }

  #resized() {
    const { width, height } = this.root.getBoundingClientRect();
    [this.width, this.height] = [width, height];
    this.#scrollTo(this.scroll);
    this.#movePlayhead();
    this.#draw(); // at once: a canvas that waits for the next frame flickers
  }

  #scrollTo(scroll) {
    const room = this.height - RULER - OVERVIEW;
    this.scroll = Math.min(Math.max(scroll, 0), Math.max(this.lanesHeight - room, 0));
    this.draw();
  }

  #movePlayhead() {
    const at = this.x(this.state.nowMs);
    this.playhead.hidden = !(at >= this.gutter - 1 && at <= this.width);
    this.playhead.style.transform = `translateX(${at}px)`;
    this.root.setAttribute("aria-valuemax", Math.round(this.state.durationMs));
    this.root.setAttribute("aria-valuenow", Math.round(this.state.nowMs));
    this.root.setAttribute("aria-valuetext", clock(this.state.nowMs));
  }

  // -- drawing -------------------------------------------------------------------------------

  #draw() {
    if (!this.state.table || !this.width) return;
    const context = fitCanvas(this.canvas, this.width, this.height);
    this.colours = Object.fromEntries(
      ["ink", "muted", "line", "panel", "accent", "sunken"].map((name) => [name, styleColour(`--${name}`)]),
    );
    this.family = getComputedStyle(this.root).fontFamily;
    context.textBaseline = "middle";
    context.save();
    context.beginPath();
    context.rect(0, RULER, this.width, this.height - RULER - OVERVIEW);
    context.clip();
    for (const lane of this.lanes) {
      const top = RULER + lane.top - this.scroll;
      if (top < this.height && top + lane.height > RULER) this.#drawLane(context, lane, top);
    }
    context.restore();
    this.#drawRuler(context);
    this.#drawOverview(context);
  }

  #drawLane(context, lane, top) {
    const { table, filter, selected } = this.state;
    context.fillStyle = this.colours.line;
    context.fillRect(0, top + lane.height - 1, this.width, 1);
    context.save();
    context.beginPath();
    context.rect(this.gutter, top, this.width - this.gutter, lane.height);
    context.clip();
    context.font = `500 11px ${this.family}`;
    for (const row of lane.rows) this.#drawRow(context, row, top + row.top);
    this.#drawTicks(context, lane.ticksRow, top + lane.ticksRow.top);
    context.restore();
    context.fillStyle = this.colours.panel;
    context.fillRect(0, top, this.gutter - 1, lane.height - 1);
    context.fillStyle = this.colours.ink;
    context.font = `600 12px ${this.family}`;
    const name = trackName(table.page.tracks[lane.track]);
    context.fillText(shortened(context, name, this.gutter - 26), 14, top + lane.height / 2);
    if (selected >= 0 && filter.has[selected] && table.track[selected] === lane.track) {
      this.#outline(context, lane, top, selected);
    }
  }

  /** Draws the visible tags of a row; of several in one column of pixels only the first. */
  #drawRow(context, row, top) {
    const { table, filter } = this.state;
    const scale = (this.width - this.gutter - 8) / (this.to - this.from);
    const gutter = this.gutter;
    let drawnTo = -1;
    for (let i = firstReaching(row, this.from); i < row.tags.length; i++) {
      const tag = row.tags[i];
      if (table.start[tag] > this.to) break;
      if (!filter.has[tag]) continue;
      const left = gutter + (table.start[tag] - this.from) * scale;
      const right = gutter + (table.end[tag] - this.from) * scale;
      if (right < drawnTo && right - left < 2) continue;
      this.#drawBar(context, tag, left, right, top, row.height);
      drawnTo = Math.floor(Math.max(right, left + 1)) + 1;
    }
  }

  #drawBar(context, tag, left, right, top, height) {
    const { table } = this.state;
    const from = Math.max(left, this.gutter - 8);
    const width = Math.max(Math.min(right, this.width + 8) - from - 1, 2);
    context.fillStyle = barColour(table.text[tag]);
    if (width < 6) {
      context.fillRect(from, top, width, height);
      return;
    }
    context.beginPath();
    context.roundRect(from, top, width, height, 3);
    context.fill();
    context.fillStyle = markColour(table.text[tag]);
    context.fillRect(from, top + 2, 2, height - 4);
    if (width > 34) {
      context.fillStyle = this.colours.ink;
      const start = Math.max(from + 7, this.gutter + 5);
      const text = shortened(context, table.textOf(tag), from + width - start - 5);
      context.fillText(text, start, top + height / 2 + 0.5);
    }
  }

  /** Draws the visible ticks; those in one column of pixels share its height, a part per text. */
  #drawTicks(context, row, top) {
    const { table, filter } = this.state;
    const scale = (this.width - this.gutter - 8) / (this.to - this.from);
    const left = this.gutter;
    let column = -1;
    const texts = [];
    const flush = () => {
      const height = row.height / texts.length;
      texts.forEach((text, place) => {
        context.fillStyle = markColour(text);
        context.fillRect(column - 1, top + place * height, 2, height);
      });
      texts.length = 0;
    };
    for (let i = firstReaching(row, this.from); i < row.tags.length; i++) {
      const tag = row.tags[i];
      if (table.start[tag] > this.to) break;
      if (!filter.has[tag]) continue;
      const x = Math.round(left + (table.start[tag] - this.from) * scale);
      if (x > column + 1 || column < 0) {
        flush();
        column = x;
      }
      if (texts.length < MOST_TEXTS_A_TICK && !texts.includes(table.text[tag])) texts.push(table.text[tag]);
    }
    flush();
  }

  #outline(context, lane, top, tag) {
    const row = [...lane.rows, lane.ticksRow].find(({ tags }) => tags.includes(tag));
    const [left, right] = [this.x(this.state.table.start[tag]), this.x(this.state.table.end[tag])];
    if (right < this.gutter) return;
    const from = Math.max(left, this.gutter);
    context.strokeStyle = this.colours.accent;
    context.lineWidth = 2;
    context.beginPath();
    context.roundRect(from - 2, top + row.top - 2, Math.max(right - from, 1) + 3, row.height + 4, 4);
    context.stroke();
  }

  #drawRuler(context) {
    const perPixel = (this.to - this.from) / (this.width - this.gutter);
    const step = STEPS_MS.find((ms) => ms / perPixel >= 80) ?? STEPS_MS.at(-1);
    const digits = step >= 1000 ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3;
    context.fillStyle = this.colours.panel;
    context.fillRect(0, 0, this.width, RULER);
    context.fillStyle = this.colours.line;
    context.fillRect(0, RULER - 1, this.width, 1);
    context.fillRect(this.gutter - 1, 0, 1, this.height - OVERVIEW);
    context.font = `11px ${this.family}`;
    for (let ms = Math.ceil(this.from / step) * step; ms <= this.to; ms += step) {
      const x = Math.round(this.x(ms));
      context.fillStyle = this.colours.line;
      context.fillRect(x, RULER - 8, 1, 8);
      context.fillStyle = this.colours.muted;
      if (x + 40 < this.width) context.fillText(clock(ms, digits), x + 4, RULER / 2 - 1);
    }
  }

  /** The strip at the foot: which part of all is visible. */
  #drawOverview(context) {
    const [top, left, width] = [this.height - OVERVIEW, this.gutter, this.width - this.gutter - 8];
    const total = this.state.durationMs;
    context.fillStyle = this.colours.panel;
    context.fillRect(0, top, this.width, OVERVIEW);
    context.fillStyle = this.colours.line;
    context.beginPath();
    context.roundRect(left, top + 4, width, 4, 2);
    context.fill();
    if (this.to - this.from >= total) return;
    context.fillStyle = this.colours.muted;
    context.beginPath();
    const length = Math.max(((this.to - this.from) / total) * width, 12);
    const start = left + Math.min((this.from / total) * width, width - length);
    context.roundRect(start, top + 3, length, 6, 3);
    context.fill();
  }

  // -- pointer -------------------------------------------------------------------------------

  #listen() {
    const tip = byId("tip");
    let drag = null;
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const [x, y] = this.#at(event);
      const part = y < RULER ? "ruler" : y > this.height - OVERVIEW ? "overview" : "lanes";
      drag = { part, x, y, from: this.from, to: this.to, scroll: this.scroll, moved: false };
      this.canvas.setPointerCapture(event.pointerId);
      if (part === "ruler") this.player.seek(this.ms(x));
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const [x, y] = this.#at(event);
      if (!drag) {
        this.#hover(tip, event, x, y);
        return;
      }
      drag.moved ||= Math.abs(x - drag.x) + Math.abs(y - drag.y) > 4;
      if (drag.part === "ruler") this.player.seek(this.ms(x));
      else if (drag.moved) this.#drag(drag, x, y);
    });
    const release = (event) => {
      if (drag && !drag.moved && drag.part === "lanes" && event.type === "pointerup") this.#click(...this.#at(event));
      drag = null;
    };
    this.canvas.addEventListener("pointerup", release);
    this.canvas.addEventListener("pointercancel", release);
    this.canvas.addEventListener("pointerleave", () => (tip.hidden = true));
    this.canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    byId("zoom-in").addEventListener("click", () => this.zoom(0.5));
    byId("zoom-out").addEventListener("click", () => this.zoom(2));
    byId("zoom-fit").addEventListener("click", () => this.fit());
  }

  #drag(drag, x, y) {
    const perPixel = (drag.to - drag.from) / (this.width - this.gutter - 8);
    const whole = this.state.durationMs / (this.width - this.gutter - 8);
    const by = drag.part === "overview" ? (x - drag.x) * whole : (drag.x - x) * perPixel;
    this.#show(drag.from + by, drag.to + by);
    if (drag.part === "lanes") this.#scrollTo(drag.scroll + drag.y - y);
  }

  #click(x, y) {
    if (x < this.gutter) return;
    const tag = this.tagAt(x, y);
    if (tag < 0) {
      this.player.seek(this.ms(x));
      return;
    }
    this.state.selected = tag;
    // A bar is entered where it was clicked, a tick at its frame.
    if (this.state.table.end[tag] > this.state.table.start[tag]) this.player.seek(this.ms(x));
    else this.player.seekTag(tag);
    this.state.emit("selected");
  }

  #wheel(event) {
    event.preventDefault();
    const [x, y] = this.#at(event);
    const unit = event.deltaMode === 1 ? 20 : 1;
    const [dx, dy] = event.shiftKey ? [event.deltaY || event.deltaX, 0] : [event.deltaX, event.deltaY];
    if (Math.abs(dx) > Math.abs(dy)) this.pan((dx * unit) / this.width);
    else if (x < this.gutter && y > RULER) this.#scrollTo(this.scroll + dy * unit);
    else this.zoom(Math.exp(dy * unit * 0.0025), this.ms(Math.max(x, this.gutter)));
  }

  #hover(tip, event, x, y) {
    const tag = this.tagAt(x, y);
    this.canvas.style.cursor = y < RULER ? "col-resize" : tag >= 0 ? "pointer" : "default";
    const { table } = this.state;
    const lane = x < this.gutter ? this.#laneAt(y) : null;
    tip.hidden = tag < 0 && !lane;
    if (tip.hidden) return;
    if (lane) {
      tip.textContent = trackName(table.page.tracks[lane.track]);
    } else {
      const [start, end] = [table.start[tag], table.end[tag]];
      const sure = table.sure[tag] === null ? "" : ` · ${table.sure[tag].toFixed(2)}`;
      tip.textContent = `${table.textOf(tag)}\n${clock(start)}${end > start ? ` · ${span(end - start)}` : ""}${sure}`;
    }
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.min(event.clientX + 12, window.innerWidth - width - 8)}px`;
    tip.style.top = `${Math.max(event.clientY - height - 10, 8)}px`;
  }

  #laneAt(y) {
    const at = y - RULER + this.scroll;
    if (y < RULER || y > this.height - OVERVIEW) return null;
    return this.lanes.find((lane) => at >= lane.top && at < lane.top + lane.height) ?? null;
  }

  /** The tag that is drawn at a place, or -1; ticks are caught from 4 pixels away. */
  tagAt(x, y) {
    const lane = x < this.gutter ? null : this.#laneAt(y);
    if (!lane) return -1;
    const within = y - RULER + this.scroll - lane.top;
    const row = [...lane.rows, lane.ticksRow].find(({ top, height }) => within >= top && within < top + height + 2);
    if (!row) return -1;
    const { table, filter } = this.state;
    const near = this.ms(x + 4) - this.ms(x);
    const at = this.ms(x);
    let [best, distance] = [-1, near];
    for (let i = firstReaching(row, at - near); i < row.tags.length && table.start[row.tags[i]] <= at + near; i++) {
      const tag = row.tags[i];
      const away = Math.max(table.start[tag] - at, at - table.end[tag], 0);
      if (filter.has[tag] && away <= distance && (away < distance || best < 0)) [best, distance] = [tag, away];
    }
    return best;
  }

  #at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }
}

const widths = new Map(); // of one font: how wide a text is

/** As much of a text as fits, with an ellipsis where that is not all. */
function shortened(context, text, room) {
  if (room < 8) return "";
  const key = `${context.font[0]}${text}`; // the weight, in which the fonts differ
  if (!widths.has(key)) {
    if (widths.size > 20_000) widths.clear();
    widths.set(key, context.measureText(text).width);
  }
  const width = widths.get(key);
  if (width <= room) return text;
  const letters = [...text.slice(0, 400)];
  const kept = Math.floor((Math.max(room - 9, 0) / width) * text.length);
  return kept < 1 ? "" : `${letters.slice(0, kept).join("").trimEnd()}…`;
}
