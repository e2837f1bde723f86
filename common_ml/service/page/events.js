// Live prediction events: server-sent events with reconnection.

import { connection } from "./api.js";

const KINDS = ["queued", "running", "progress", "done", "failed", "cancelled"];
const LONGEST_PAUSE = 15_000; // ms

/** @typedef {{ id: string, model: string, sha256: string, state: string, progress: number | null, error: string | null, num_tags: number | null, attempts: number }} PredictionEvent */

export class Events {
  /**
   * @param {object} handlers
   * @param {(event: PredictionEvent) => void} handlers.onPrediction
   * @param {() => void} handlers.onGap Events may have been missed, also before the first connection: look things up again.
   */
  constructor({ onPrediction, onGap }) {
    this.onPrediction = onPrediction;
    this.onGap = onGap;
    this.last = "";
    this.pause = 1000;
  }

  start() {
    // a browser sends Last-Event-ID by itself while it tries again; a new source begins after the last one
    const source = new EventSource(this.last ? `/v1/events?after=${this.last}` : "/v1/events");
    this.source = source;
    source.onopen = () => {
      connection.dispatchEvent(new Event("back"));
      connection.dispatchEvent(new Event("live")); // until it says otherwise
      document.documentElement.dataset.live = "yes";
      this.pause = 1000;
      this.onGap();
    };
    source.onerror = () => {
      document.documentElement.dataset.live = "no";
      connection.dispatchEvent(new Event("away"));
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(() => this.start(), this.pause);
      this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    };
    source.addEventListener("missed", () => this.onGap());
    for (const state of ["late", "live"]) source.addEventListener(state, () => connection.dispatchEvent(new Event(state)));
    for (const kind of KINDS) {
      source.addEventListener(`prediction.${kind}`, (event) => {
        this.last = event.lastEventId || this.last;
        this.onPrediction(JSON.parse(event.data));
      });
    }
  }
}
