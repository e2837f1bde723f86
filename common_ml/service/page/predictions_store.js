// Client-side store of predictions, kept up to date by events.

import { address, call, chunks, pause } from "./api.js";
import { LookUps } from "./look_ups.js";

/**
 * @typedef {{
 *   id: string, file: { sha256: string, md5: string, name: string, kind: string }, model: string,
 *   revision: string, params: Record<string, unknown>, state: string, stale: boolean,
 *   attempts: number, progress: number | null, error: string | null, num_tags: number | null,
 *   has_results: boolean, created_at: string, started_at: string | null,
 *   finished_at: string | null, seconds: number | null,
 * }} Prediction
 */

export const isPending = (prediction) => prediction.state === "queued" || prediction.state === "running";
const AT_ONCE = 1000;
const PAGE = 500;
const FIRST_PAUSE = 1000; // ms, doubled after each failure
const LONGEST_PAUSE = 30_000;

export class PredictionsStore extends EventTarget {
  constructor() {
    super();
    /** @type {Map<string, Prediction>} */
    this.byId = new Map();
    /** @type {Map<string, Map<string, Prediction>>} SHA-256 to predictions by id */
    this.byFile = new Map();
    /** @type {Set<string>} ids of unfinished ones, and of those that finished since all were finished */
    this.watched = new Set();
    this.numEvents = 0;
    /** @type {Map<string, number>} id to the number of the last event about it */
    this.heard = new Map();
    this.lookUps = new LookUps({ ask: (ids) => this.#post("lookup", ids), onGone: (id) => this.#forget(id) });
    this.mustLoad = false;
    this.isLoading = false;
  }

  /** A moment before a request, for `add`. */
  now() {
    return this.numEvents;
  }

  /**
   * Adds documents of the server. A prediction with an event since the request is stale in them, and
   * is looked up again.
   * @param {Prediction[]} predictions
   * @param {number} asked When they were asked for: `now()`.
   */
  add(predictions, asked) {
    for (const given of predictions) {
      const known = this.byId.get(given.id);
      if (known && (this.heard.get(given.id) ?? 0) > asked) {
        this.lookUps.add([given.id]);
        continue;
      }
      const prediction = known ? Object.assign(known, given) : given; // lists hold the same object
      this.byId.set(prediction.id, prediction);
      const sha256 = prediction.file.sha256;
      if (!this.byFile.has(sha256)) this.byFile.set(sha256, new Map());
      this.byFile.get(sha256)?.set(prediction.id, prediction);
      if (isPending(prediction)) this.watched.add(prediction.id);
    }
    if (predictions.length) this.#changed(predictions.map((one) => one.file.sha256));
  }

  /** Applies an event; an unknown prediction is looked up. @param {import("./events.js").PredictionEvent} event */
  apply(event) {
    this.numEvents += 1;
    this.heard.set(event.id, this.numEvents);
    const known = this.byId.get(event.id);
    if (!known) {
      this.lookUps.add([event.id]);
      return;
    }
    for (const name of ["state", "progress", "error", "num_tags", "attempts"]) if (name in event) known[name] = event[name];
    if (known.state === "done") known.has_results = true;
    if (isPending(known)) this.watched.add(known.id);
    this.#changed([event.sha256]);
  }

  /** Those of a file by model, newest last. */
  ofFile(sha256) {
    return [...(this.byFile.get(sha256)?.values() ?? [])].sort((a, b) => a.model.localeCompare(b.model) || Number(a.id) - Number(b.id));
  }

  /** Reloads unfinished predictions: events may have been missed. */
  refresh() {
    this.lookUps.add([...this.byId.values()].filter(isPending).map((one) => one.id));
    this.loadPending();
  }

  /** Loads all unfinished predictions of the server, with retries. */
  async loadPending() {
    this.mustLoad = true;
    if (this.isLoading) return; // the pending response may be stale: load once more
    this.isLoading = true;
    for (let failures = 0; this.mustLoad; ) {
      this.mustLoad = false;
      try {
        await this.#loadPages();
        failures = 0;
      } catch {
        this.mustLoad = true; // that the server is away is shown by others
        await pause(Math.min(FIRST_PAUSE * 2 ** failures, LONGEST_PAUSE));
        failures += 1;
      }
    }
    this.isLoading = false;
  }

  async #loadPages() {
    let cursor = "";
    do {
      const asked = this.now();
      const page = await call("GET", address("/v1/predictions", { state: ["queued", "running"], limit: PAGE, cursor }));
      this.add(page.items, asked);
      cursor = page.next ?? "";
    } while (cursor);
  }

  /** @param {"cancel" | "retry"} act @param {string[]} ids */
  async act(act, ids) {
    await this.#post(act, ids);
  }

  async #post(verb, ids) {
    for (const part of chunks(ids, AT_ONCE)) {
      const asked = this.now();
      this.add((await call("POST", `/v1/predictions:${verb}`, { ids: part })).predictions, asked);
    }
  }

  /** Overall progress: number of watched predictions, and of finished ones among them. */
  get tally() {
    const tally = { all: 0, finished: 0, failed: 0, sum: 0 };
    for (const id of this.watched) {
      const one = this.byId.get(id);
      if (!one) continue;
      const over = !isPending(one);
      tally.all += 1;
      tally.finished += Number(over);
      tally.failed += Number(one.state === "failed");
      tally.sum += over ? 1 : (one.progress ?? 0);
    }
    return tally;
  }

  #forget(id) {
    const sha256 = this.byId.get(id)?.file.sha256;
    this.byId.delete(id);
    this.watched.delete(id);
    this.heard.delete(id);
    if (!sha256) return;
    this.byFile.get(sha256)?.delete(id);
    this.#changed([sha256]);
  }

  #changed(digests) {
    this.dispatchEvent(new CustomEvent("change", { detail: digests }));
  }
}
