// Pointer input on the lanes: seek, select, pan, zoom, tooltip.

import { byId } from "./dom.js";
import { clock, span } from "./format.js";
import { OVERVIEW, RULER, firstReaching } from "./rows.js";
import { hideTip, showTip } from "./tip.js";

const NEAR = 4; // pixels within which a tick is caught
const ZOOM_PER_PIXEL = 0.0025;
const PINCH_PER_PIXEL = 0.012; // of the small steps that a touchpad makes of a pinch

export class LanePointer {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./player.js").Player} player
   * @param {import("./timeline.js").Timeline} timeline
   */
  constructor(state, player, timeline) {
    this.state = state;
    this.player = player;
    this.timeline = timeline;
    this.canvas = byId("lanes");
    /** @type {{ part: string, x: number, y: number, from: number, to: number, scroll: number, moved: boolean } | null} */
    this.drag = null;
    this.canvas.addEventListener("pointerdown", (event) => this.#press(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of /** @type {const} */ (["pointerup", "pointercancel"])) {
      this.canvas.addEventListener(end, (event) => this.#release(event));
    }
    this.canvas.addEventListener("pointerleave", hideTip);
    byId("timeline").addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    for (const event of ["file", "filter", "tracks"]) state.on(event, hideTip);
  }

  #press(event) {
    if (event.button !== 0) return;
    const { timeline } = this;
    const [x, y] = this.#at(event);
    const part = y < RULER ? "ruler" : y > timeline.height - OVERVIEW ? "overview" : "lanes";
    this.drag = { part, x, y, from: timeline.from, to: timeline.to, scroll: timeline.scroll, moved: false };
    this.canvas.setPointerCapture(event.pointerId);
    if (part === "ruler") this.player.seek(timeline.ms(x));
  }

  #move(event) {
    const { drag } = this;
    const [x, y] = this.#at(event);
    if (!drag) {
      this.#hover(event, x, y);
      return;
    }
    drag.moved ||= Math.abs(x - drag.x) + Math.abs(y - drag.y) > 4;
    if (drag.part === "ruler") this.player.seek(this.timeline.ms(x));
    else if (drag.moved) this.#pan(drag, x, y);
  }

  #release(event) {
    const { drag } = this;
    if (drag && !drag.moved && drag.part === "lanes" && event.type === "pointerup") this.#click(...this.#at(event));
    this.drag = null;
  }

  #pan(drag, x, y) {
    const { timeline } = this;
    const perPixel = (drag.to - drag.from) / timeline.lanesWidth;
    const whole = this.state.durationMs / timeline.lanesWidth;
    const by = drag.part === "overview" ? (x - drag.x) * whole : (drag.x - x) * perPixel;
    timeline.show(drag.from + by, drag.to + by);
    if (drag.part === "lanes") timeline.scrollTo(drag.scroll + drag.y - y);
  }

  #click(x, y) {
    const tag = this.tagAt(x, y);
    if (tag < 0) {
      this.player.seek(this.timeline.ms(x));
      return;
    }
    this.state.selected = this.state.table.isEarlier(tag) ? this.state.table.partner[tag] : tag;
    // A bar is entered where it was clicked, a tick at its frame.
    if (this.state.table.end[tag] > this.state.table.start[tag]) this.player.seek(this.timeline.ms(x));
    else this.player.seekTag(tag);
    this.state.emit("selected");
  }

  /** Scrolls the lanes; zooms with Ctrl, which a pinch has by itself; pans with Shift. */
  #wheel(event) {
    const { timeline } = this;
    const unit = event.deltaMode === 1 ? 20 : 1;
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      const perPixel = Math.abs(event.deltaY) < 30 && event.deltaMode === 0 ? PINCH_PER_PIXEL : ZOOM_PER_PIXEL;
      timeline.zoom(Math.exp(event.deltaY * unit * perPixel), timeline.ms(Math.max(this.#at(event)[0], timeline.gutter)));
      return;
    }
    const [dx, dy] = event.shiftKey ? [event.deltaY || event.deltaX, 0] : [event.deltaX, event.deltaY];
    if (Math.abs(dx) > Math.abs(dy)) {
      event.preventDefault();
      timeline.pan((dx * unit) / timeline.width);
    } else if (timeline.canScroll) {
      event.preventDefault();
      timeline.scrollTo(timeline.scroll + dy * unit);
    }
  }

  #hover(event, x, y) {
    const tag = this.tagAt(x, y);
    this.canvas.style.cursor = y < RULER ? "col-resize" : tag >= 0 ? "pointer" : "default";
    if (tag < 0) {
      hideTip();
      return;
    }
    const { table } = this.state;
    const [start, end] = [table.start[tag], table.end[tag]];
    const sure = table.sure[tag] === null ? "" : ` · ${table.sure[tag].toFixed(2)}`;
    showTip(`${table.textOf(tag) || "(empty)"}\n${clock(start)}${end > start ? ` · ${span(end - start)}` : ""}${sure}`, event);
  }

  #laneAt(y) {
    const { timeline } = this;
    const at = y - RULER + timeline.scroll;
    if (y < RULER || y > timeline.height - OVERVIEW) return null;
    return timeline.lanes.find((lane) => at >= lane.top && at < lane.top + lane.height) ?? null;
  }

  /** The tag that is drawn at a place, or -1; ticks are caught from a few pixels away. */
  tagAt(x, y) {
    const { timeline } = this;
    const lane = x < timeline.gutter ? null : this.#laneAt(y);
    if (!lane) return -1;
    const within = y - RULER + timeline.scroll - lane.top;
    const row = [...lane.rows, lane.ticksRow].find(({ top, height }) => within >= top && within < top + height + 2);
    if (!row) return -1;
    const { table, filter } = this.state;
    const at = timeline.ms(x);
    const near = timeline.ms(x + NEAR) - at;
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
