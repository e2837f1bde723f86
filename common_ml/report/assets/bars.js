// Draws a lane of the timeline: bars of time ranges in rows, ticks of frames, the selected tag.

import { barColour, markColour } from "./colours.js";
import { firstReaching } from "./rows.js";
import { drawTicks } from "./ticks.js";
import { drawWave } from "./wave.js";

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./timeline.js").Timeline} timeline
 */
export function drawLane(context, timeline, lane, top) {
  const { width, gutter, colours, state } = timeline;
  context.fillStyle = colours.line;
  context.fillRect(0, top + lane.height - 1, width, 1);
  context.save();
  context.beginPath();
  context.rect(gutter, top, width - gutter, lane.height);
  context.clip();
  context.font = `500 11px ${timeline.family}`;
  if (lane.track < 0) {
    const place = { left: gutter, top: top + 3, width: timeline.lanesWidth, height: lane.height - 7 };
    drawWave(context, state.media, place, timeline, () => colours.muted);
  }
  for (const row of lane.rows) drawRow(context, timeline, row, top + row.top);
  drawTicks(context, timeline, lane.ticksRow, top + lane.ticksRow.top);
  context.restore();
  const { selected, table } = state;
  if (selected < 0 || !state.filter.has[selected] || table.track[selected] !== lane.track) return;
  outline(context, timeline, lane, top, selected);
  if (table.isCompared && table.partner[selected] >= 0) outline(context, timeline, lane, top, table.partner[selected]);
}

/** Draws the visible tags of a row; of several in one column of pixels only the first. */
function drawRow(context, timeline, row, top) {
  const { table, filter } = timeline.state;
  const { from, to, gutter } = timeline;
  const scale = timeline.lanesWidth / (to - from);
  let drawnTo = -1;
  for (let i = firstReaching(row, from); i < row.tags.length; i++) {
    const tag = row.tags[i];
    if (table.start[tag] > to) break;
    if (!filter.has[tag]) continue;
    const left = gutter + (table.start[tag] - from) * scale;
    const right = gutter + (table.end[tag] - from) * scale;
    if (right < drawnTo && right - left < 2) continue;
    drawBar(context, timeline, tag, { left, right, top, height: row.height });
    drawnTo = Math.floor(Math.max(right, left + 1)) + 1;
  }
}

function drawBar(context, timeline, tag, { left, right, top, height }) {
  const { table } = timeline.state;
  const from = Math.max(left, timeline.gutter - 8);
  const width = Math.max(Math.min(right, timeline.width + 8) - from - 1, 2);
  context.fillStyle = barColour(table.look[tag]);
  if (width < 6) {
    context.fillRect(from, top, width, height);
    return;
  }
  context.beginPath();
  context.roundRect(from, top, width, height, 3);
  context.fill();
  context.fillStyle = markColour(table.look[tag]);
  context.fillRect(from, top + 2, 2, height - 4);
  if (width > 34) {
    context.fillStyle = timeline.colours.ink;
    const start = Math.max(from + 7, timeline.gutter + 5);
    const text = shortened(context, table.textOf(tag), from + width - start - 5);
    context.fillText(text, start, top + height / 2 + 0.5);
  }
}

/** Draws a frame around the selected tag, if it is in the lane. */
function outline(context, timeline, lane, top, tag) {
  const { table } = timeline.state;
  const row = [...lane.rows, lane.ticksRow].find(({ tags }) => tags.includes(tag));
  const [left, right] = [timeline.x(table.start[tag]), timeline.x(table.end[tag])];
  if (!row || right < timeline.gutter) return;
  const from = Math.max(left, timeline.gutter);
  context.strokeStyle = timeline.colours.accent;
  context.lineWidth = 2;
  context.beginPath();
  context.roundRect(from - 2, top + row.top - 2, Math.max(right - from, 1) + 3, row.height + 4, 4);
  context.stroke();
}

const widths = new Map(); // of one font: how wide a text is

/** A text truncated to the available width, with an ellipsis. */
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
