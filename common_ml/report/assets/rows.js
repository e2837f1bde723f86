// Layout of the timeline: a lane per track, with rows of non-overlapping bars.

export const RULER = 26;
export const OVERVIEW = 12;
const BAR = 18;
const TICKS = 14;
const PADDING = 7;
const MAX_ROWS = 6;

const WAVE = 40; // pixels of the sound
const CLOSED = 22; // pixels of a hidden lane

/**
 * Lanes of a file, from top to bottom: { track, top, height, rows: [{ top, tags, reach }], ticksRow };
 * those of hidden tracks are empty.
 * @param {import("./table.js").TagTable} table
 * @param {Set<number>} hidden
 * @param {boolean} hasSound Whether the first lane is that of the sound, of the track -1.
 */
export function layLanes(table, hidden, hasSound) {
  const byTrack = new Map();
  for (let tag = 0; tag < table.size; tag++) {
    const track = table.track[tag];
    for (const side of sidesOf(table, tag)) {
      const key = track * 3 + side;
      if (!byTrack.has(key)) byTrack.set(key, { track, side, bars: [], ticks: [] });
      const lane = byTrack.get(key);
      if (hidden.has(track)) continue;
      (table.isFrame(tag) && table.end[tag] === table.start[tag] ? lane.ticks : lane.bars).push(tag);
    }
  }
  const lanes = [...byTrack.values()].sort((one, other) => one.track - other.track || one.side - other.side);
  if (hasSound) lanes.unshift({ track: -1, side: 0, bars: [], ticks: [] });
  let top = 0;
  for (const lane of lanes) {
    lane.isClosed = hidden.has(lane.track);
    lane.top = top;
    lane.rows = pack(table, lane.bars).map((tags, row) => ({
      tags,
      reach: reach(table, tags),
      top: PADDING + row * BAR,
      height: BAR - 2,
    }));
    lane.ticksRow = { tags: lane.ticks, reach: reach(table, lane.ticks), top: PADDING + lane.rows.length * BAR, height: TICKS - 2 };
    lane.height = lane.track < 0 ? WAVE : lane.isClosed ? CLOSED : 2 * PADDING + lane.rows.length * BAR + (lane.ticks.length ? TICKS : 0);
    top += lane.height;
  }
  return lanes;
}

/** The lanes of its track that a tag is in: of a page of two runs that before (1), that after (2), or both. */
function sidesOf(table, tag) {
  if (!table.isCompared) return [0];
  return table.side[tag] ? [table.side[tag]] : [1, 2];
}

/** The place in a row, whose tags are by start, of the first one that may reach a time. */
export function firstReaching(row, ms) {
  let [low, high] = [0, row.tags.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (row.reach[middle] < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** First-fit packing of bars into rows; those that fit nowhere overlap in the last row. */
function pack(table, bars) {
  const rows = [];
  const ends = [];
  for (const tag of bars) {
    let row = ends.findIndex((end) => end <= table.start[tag]);
    if (row < 0) row = Math.min(rows.length, MAX_ROWS - 1);
    if (row === rows.length) rows.push([]);
    rows[row].push(tag);
    ends[row] = Math.max(ends[row] ?? 0, table.end[tag]);
  }
  return rows;
}

/** The latest end of a tag and all before it in its row. */
function reach(table, tags) {
  const ends = new Float64Array(tags.length);
  for (let i = 0, latest = 0; i < tags.length; i++) {
    latest = Math.max(latest, table.end[tags[i]]);
    ends[i] = latest;
  }
  return ends;
}
