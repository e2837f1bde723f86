// Queue of prediction look-ups: batched, and retried until the server has answered for each.

import { ApiError, chunks } from "./api.js";

const TOGETHER = 50; // ms: what is wanted in one moment is one request
const FIRST_PAUSE = 1000; // ms, doubled after each failure
const LONGEST_PAUSE = 30_000;
const AT_ONCE = 1000; // ids a request

export class LookUps {
  /**
   * @param {object} acts
   * @param {(ids: string[]) => Promise<void>} acts.ask Looks these up; fails with 404 if one is not there.
   * @param {(id: string) => void} acts.onGone This one is not there any longer.
   */
  constructor({ ask, onGone }) {
    this.ask = ask;
    this.onGone = onGone;
    /** @type {Set<string>} */
    this.wanted = new Set();
    this.pause = FIRST_PAUSE;
    this.isAsking = false;
    this.timer = 0;
  }

  /** @param {Iterable<string>} ids */
  add(ids) {
    for (const id of ids) this.wanted.add(id);
    this.#plan(TOGETHER);
  }

  #plan(ms) {
    if (this.wanted.size && !this.isAsking && !this.timer) this.timer = setTimeout(() => this.#run(), ms);
  }

  async #run() {
    this.timer = 0;
    this.isAsking = true;
    const ids = [...this.wanted];
    this.wanted.clear();
    let hasFailed = false;
    for (const part of chunks(ids, AT_ONCE)) {
      try {
        await this.#look(part);
      } catch {
        hasFailed = true; // asked again; that the server is away is shown by others
        for (const id of part) this.wanted.add(id);
      }
    }
    this.isAsking = false;
    this.#plan(hasFailed ? this.pause : TOGETHER);
    this.pause = hasFailed ? Math.min(this.pause * 2, LONGEST_PAUSE) : FIRST_PAUSE;
  }

  /** A missing id fails its whole batch, so it is found by bisection. */
  async #look(ids) {
    try {
      await this.ask(ids);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      if (ids.length === 1) return this.onGone(ids[0]);
      const middle = Math.ceil(ids.length / 2);
      await this.#look(ids.slice(0, middle));
      await this.#look(ids.slice(middle));
    }
    return undefined;
  }
}
