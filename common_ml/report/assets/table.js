// The tags of one file as columns, and the questions that the page asks about them.

/** Tags 0..size-1 of one file, by start; each column is an array with one place per tag. */
export class TagTable {
  constructor(columns, page) {
    this.page = page;
    this.size = columns.start.length;
    this.start = Float64Array.from(columns.start);
    this.end = Float64Array.from(columns.end);
    this.text = Uint32Array.from(columns.text);
    this.track = Uint32Array.from(columns.track);
    this.frame = Int32Array.from(columns.frame);
    this.box = Int32Array.from(columns.box);
    this.corners = Float32Array.from(columns.corners);
    this.sure = columns.sure;
    this.vector = columns.vector;
    this.info = columns.info;
    this.infos = columns.infos;
    this.lastMs = this.end.reduce((last, end) => Math.max(last, end), 0);
    this.shownUntil = this.#findShownUntil();
  }

  textOf(tag) {
    return this.page.texts[this.text[tag]];
  }

  trackOf(tag) {
    return this.page.tracks[this.track[tag]];
  }

  /** Whether the tag is about one frame, and not about a stretch of time. */
  isFrame(tag) {
    return this.frame[tag] >= 0;
  }

  boxOf(tag) {
    const at = this.box[tag] * 4;
    return at < 0 ? null : this.corners.subarray(at, at + 4);
  }

  infoOf(tag) {
    return this.info[tag] < 0 ? null : JSON.parse(this.infos[this.info[tag]]);
  }

  /** The first tag that starts at or after a time. */
  firstFrom(ms) {
    let [low, high] = [0, this.size];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle] < ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Calls `visit(tag)` for the tags that are to be seen at a time. */
  forEachAt(ms, visit) {
    for (let tag = this.firstFrom(ms + 1e-6) - 1; tag >= 0; tag--) {
      if (this.latestBefore[tag] <= ms) return; // nor does any earlier tag reach this far
      if (this.shownUntil[tag] > ms) visit(tag);
    }
  }

  /**
   * Until when each tag is shown. One about a frame stays until the next frame with tags of its
   * track, at most as long as the shortest step between two such frames: what the model did not
   * look at is not known.
   */
  #findShownUntil() {
    const until = Float64Array.from(this.end);
    const framesOf = new Map(); // track -> frame tags by start
    for (let tag = 0; tag < this.size; tag++) {
      if (!this.isFrame(tag)) continue;
      if (!framesOf.has(this.track[tag])) framesOf.set(this.track[tag], []);
      framesOf.get(this.track[tag]).push(tag);
    }
    for (const tags of framesOf.values()) {
      let step = Infinity;
      for (let i = 1; i < tags.length; i++) {
        const gap = this.start[tags[i]] - this.start[tags[i - 1]];
        if (gap > 0) step = Math.min(step, gap);
      }
      // Steps of a grid differ a little; one frame alone is shown for a second.
      step = step === Infinity ? 1000 : step * 1.05;
      let next = Infinity;
      for (let i = tags.length - 1; i >= 0; i--) {
        const start = this.start[tags[i]];
        if (i + 1 < tags.length && this.start[tags[i + 1]] > start) next = this.start[tags[i + 1]];
        until[tags[i]] = Math.max(this.end[tags[i]], Math.min(start + step, next));
      }
    }
    this.latestBefore = new Float64Array(this.size); // of this tag and all before it
    for (let tag = 0, latest = 0; tag < this.size; tag++) {
      if (until[tag] <= this.start[tag]) until[tag] = this.start[tag] + 1;
      latest = Math.max(latest, until[tag]);
      this.latestBefore[tag] = latest;
    }
    return until;
  }
}

/** Which tags are shown: `order` lists them, `has[tag]` is 1 for each of them. */
export function filtered(table, query, kind) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const lowerTracks = table.page.tracks.map((track) => track.toLowerCase());
  const lowerTexts = lowered(table.page);
  const inTrack = words.map((word) => lowerTracks.map((track) => track.includes(word)));
  const inText = words.map((word) => {
    const known = new Uint8Array(lowerTexts.length);
    for (let i = 0; i < known.length; i++) known[i] = lowerTexts[i].includes(word) ? 1 : 0;
    return known;
  });
  const has = new Uint8Array(table.size);
  const order = new Uint32Array(table.size);
  let size = 0;
  for (let tag = 0; tag < table.size; tag++) {
    if (kind !== "all" && (kind === "frames") !== table.isFrame(tag)) continue;
    let fits = true;
    for (let w = 0; w < words.length && fits; w++) {
      fits = inText[w][table.text[tag]] === 1 || inTrack[w][table.track[tag]];
    }
    if (!fits) continue;
    has[tag] = 1;
    order[size++] = tag;
  }
  return { has, order: order.subarray(0, size) };
}

function lowered(page) {
  page.lowerTexts ??= page.texts.map((text) => text.toLowerCase());
  return page.lowerTexts;
}
