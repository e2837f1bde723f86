// Ticks of frame tags in a lane, aggregated by pixel column.

import { markColour } from "./colours.js";
import { firstReaching } from "./rows.js";

const MAX_TEXTS = 4; // that share the height of a column
const TICK = 2; // pixels
const DENSE = 6; // pixels between frames below which their ticks join

/**
 * Draws the visible ticks of a row. Where the frames that were looked at are close together, a tick
 * reaches to the next one, so that a gap always means a frame without such a tag.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./timeline.js").Timeline} timeline
 */
export function drawTicks(context, timeline, row, top) {
  const columns = columnsOf(timeline, row);
  const { used, texts, left } = columns;
  for (let x = 0; x < used.length; x++) {
    if (!used[x]) continue;
    const from = x;
    while (x + 1 < used.length && isSame(columns, from, x + 1)) x++;
    const height = row.height / used[from];
    const shown = texts.slice(from * MAX_TEXTS, from * MAX_TEXTS + used[from]).sort();
    shown.forEach((text, place) => {
      context.fillStyle = markColour(text);
      context.fillRect(left + from, top + place * height, x + 1 - from, height);
    });
  }
}

/** How many texts each column has, and which ones. */
function columnsOf(timeline, row) {
  const { table, filter } = timeline.state;
  const { from, to, gutter } = timeline;
  const width = Math.max(Math.ceil(timeline.width - gutter), 0);
  const scale = timeline.lanesWidth / (to - from);
  const used = new Uint8Array(width);
  const texts = new Int32Array(width * MAX_TEXTS);
  for (let i = firstReaching(row, from); i < row.tags.length; i++) {
    const tag = row.tags[i];
    if (table.start[tag] > to) break;
    if (!filter.has[tag]) continue;
    const start = (table.start[tag] - from) * scale;
    const next = (table.shownUntil[tag] - from) * scale;
    const first = Math.max(Math.round(start) - 1, 0);
    const end = next - start < DENSE ? Math.max(Math.round(next) - 1, first + TICK) : first + TICK;
    for (let x = first; x < Math.min(end, width); x++) put(used, texts, x, table.look[tag]);
  }
  return { used, texts, left: gutter };
}

function put(used, texts, x, text) {
  const count = used[x];
  if (count === MAX_TEXTS) return;
  const at = x * MAX_TEXTS;
  for (let i = 0; i < count; i++) if (texts[at + i] === text) return;
  texts[at + count] = text;
  used[x] = count + 1;
}

function isSame({ used, texts }, one, other) {
  if (used[one] !== used[other]) return false;
  for (let i = 0; i < used[one]; i++) {
    if (texts[one * MAX_TEXTS + i] !== texts[other * MAX_TEXTS + i]) return false;
  }
  return true;
}
