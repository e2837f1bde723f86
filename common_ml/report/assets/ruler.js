// The time ruler above the lanes, and the overview strip below.

import { clock } from "./format.js";
import { OVERVIEW, RULER } from "./rows.js";

const MAX_MARKS = 200;
const STEPS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 288e5];

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./timeline.js").Timeline} timeline
 */
export function drawRuler(context, timeline) {
  const { from, to, width, gutter, colours } = timeline;
  const perPixel = (to - from) / (width - gutter);
  const step = STEPS_MS.find((ms) => ms / perPixel >= 80) ?? 10 ** Math.ceil(Math.log10(80 * perPixel));
  const digits = step >= 1000 ? 0 : step >= 100 ? 1 : step >= 10 ? 2 : 3;
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, width, RULER);
  context.fillStyle = colours.line;
  context.fillRect(0, RULER - 1, width, 1);
  context.fillRect(gutter - 1, 0, 1, timeline.height - OVERVIEW);
  context.font = `11px ${timeline.family}`;
  const first = Math.ceil(from / step);
  for (let number = 0; number < MAX_MARKS; number++) {
    const ms = (first + number) * step; // multiplied, not accumulated: a large float plus a small one may not change
    if (!(ms <= to)) break;
    const x = Math.round(timeline.x(ms));
    context.fillStyle = colours.line;
    context.fillRect(x, RULER - 8, 1, 8);
    context.fillStyle = colours.muted;
    if (x + 40 < width) context.fillText(clock(ms, digits), x + 4, RULER / 2 - 1);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./timeline.js").Timeline} timeline
 */
export function drawOverview(context, timeline) {
  const { from, to, gutter, colours, lanesWidth } = timeline;
  const top = timeline.height - OVERVIEW;
  const total = timeline.state.durationMs;
  context.fillStyle = colours.panel;
  context.fillRect(0, top, timeline.width, OVERVIEW);
  context.fillStyle = colours.line;
  context.beginPath();
  context.roundRect(gutter, top + 4, lanesWidth, 4, 2);
  context.fill();
  if (to - from >= total) return;
  context.fillStyle = colours.muted;
  context.beginPath();
  const length = Math.max(((to - from) / total) * lanesWidth, 12);
  const start = gutter + Math.min((from / total) * lanesWidth, lanesWidth - length);
  context.roundRect(start, top + 3, length, 6, 3);
  context.fill();
}
