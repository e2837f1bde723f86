// Columnar table of a file's tags, with lookups by time and text.

/** Tags 0..size-1 of one file, by start; each column is an array with one place per tag. */
export class TagTable {
  /** @param {import("./state.js").PageData} page */
  constructor(columns, page) {
    this.page = page;
    this.size = columns.start.length;
    this.start = Float64Array.from(columns.start);
    this.end = Float64Array.from(columns.end);
    this.text = Uint32Array.from(columns.text);
    this.track = Uint32Array.from(columns.track);
    this.frame = Float64Array.from(columns.frame);
    this.box = Int32Array.from(columns.box);
    this.corners = Float64Array.from(columns.corners);
    this.sure = columns.sure;
    this.vector = columns.vector;
    this.info = columns.info;
    this.infos = columns.infos;
    /** Of a page of two runs: what changed, whether a tag is of both (0), of the earlier (1) or the later one (2). */
    this.isCompared = columns.change !== undefined;
    this.change = Uint8Array.from(columns.change ?? []);
    this.side = Uint8Array.from(columns.side ?? []);
    this.partner = Int32Array.from(columns.partner ?? []);
    this.overlap = columns.overlap ?? [];
    /** What gives a tag its colour: its text, or what changed, as numbers below 0. */
    this.look = this.isCompared ? Int32Array.from(this.change, (change) => -1 - change) : Int32Array.from(this.text);
    /** What reviewers said. @type {Map<number, import("./verdicts.js").Verdict>} */
    this.verdicts = new Map(columns.verdicts.map(([tag, verdict, note]) => [tag, { verdict, note }]));
    /** @type {Map<string, any[]>} */
    this.attributes = new Map();
    this.parsed = /** @type {any[] | null} */ (null);
    this.counts = /** @type {Uint32Array | null} */ (null);
    this.lastMs = this.end.reduce((last, end) => Math.max(last, end), 0);
    /** For each tag, the maximum end time of it and all before it. */
    this.latestBefore = new Float64Array(this.size);
    this.shownUntil = this.#findShownUntil();
  }

  textOf(tag) {
    return this.page.texts[this.text[tag]];
  }

  trackOf(tag) {
    return this.page.tracks[this.track[tag]];
  }

  /** Whether the tag is about one frame, as opposed to a time range. */
  isFrame(tag) {
    return this.frame[tag] >= 0;
  }

  /** Whether a tag is the earlier version of a moved one: it is drawn, but not listed. */
  isEarlier(tag) {
    return this.isCompared && this.side[tag] === 1 && this.partner[tag] >= 0;
  }

  boxOf(tag) {
    const at = this.box[tag] * 4;
    return at < 0 ? null : this.corners.subarray(at, at + 4);
  }

  /** How many tags have a text. */
  countOf(text) {
    let { counts } = this;
    if (!counts) {
      counts = new Uint32Array(this.page.texts.length);
      for (const one of this.text) counts[one] += 1;
      this.counts = counts;
    }
    return counts[text];
  }

  /** The value that each of `infos` has under a key of its own or of objects in it; else null. */
  attribute(keys) {
    const name = JSON.stringify(keys);
    const known = this.attributes.get(name);
    if (known) return known;
    const parsed = this.parsed ?? this.infos.map((info) => JSON.parse(info));
    this.parsed = parsed;
    const values = parsed.map((info) => keys.reduce((part, key) => part?.[key] ?? null, info));
    this.attributes.set(name, values);
    return values;
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
    for (let tag = 0, latest = 0; tag < this.size; tag++) {
      if (until[tag] <= this.start[tag]) until[tag] = this.start[tag] + 1;
      latest = Math.max(latest, until[tag]);
      this.latestBefore[tag] = latest;
    }
    return until;
  }
}
