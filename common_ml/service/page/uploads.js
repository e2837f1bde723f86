// Upload queue: large files by tus, small ones batched in forms, with bounded concurrency.

import { AWAY, ApiError, connection, pause, reasonOf } from "./api.js";
import { keyOf } from "./pending_uploads.js";
import { transfer } from "./transfer.js";
import { endTus, uploadByTus } from "./tus.js";

/**
 * @typedef {"waiting" | "sending" | "done" | "failed" | "cancelled" | "lost"} UploadState "lost": the file must be chosen again
 * @typedef {{
 *   key: string, name: string, size: number, file: File | null, state: UploadState, sent: number,
 *   error: string, tus: string, document: any, abort: AbortController | null, alone: boolean,
 * }} Upload
 */

const SMALL = 8 << 20; // bytes; larger ones can be resumed
const BATCH_BYTES = 24 << 20;
const BATCH_FILES = 40;
const AT_ONCE = 3;

export class Uploads extends EventTarget {
  /** @param {import("./pending_uploads.js").PendingUploads} pending */
  constructor(pending) {
    super();
    this.pending = pending;
    /** @type {Upload[]} */
    this.items = [...this.pending.byKey.values()].map((one) => ({ ...fresh(one.key, one.name, one.size), state: "lost", tus: one.tus }));
    this.running = 0;
    addEventListener("beforeunload", (event) => {
      if (this.items.some((one) => one.state === "waiting" || one.state === "sending")) event.preventDefault();
    });
  }

  /** @param {File[]} files */
  add(files) {
    const known = new Map(this.items.filter((one) => one.state !== "done" && one.state !== "cancelled").map((one) => [one.key, one]));
    const added = [];
    for (const file of files) {
      const key = keyOf(file);
      const item = known.get(key) ?? fresh(key, file.name, file.size);
      if (item.state === "waiting" && item.file) continue;
      if (item.state === "sending") continue;
      if (!known.has(key)) this.items.push(item);
      known.set(key, item);
      Object.assign(item, { file, state: "waiting", error: "" });
      added.push(item);
    }
    this.pending.add(added.map(({ key, name, size, tus }) => ({ key, name, size, tus })));
    this.#next();
  }

  /** @param {Upload} item */
  retry(item) {
    Object.assign(item, { state: item.file ? "waiting" : "lost", error: "", alone: true });
    this.#next();
  }

  /** @param {Upload} item */
  cancel(item) {
    item.abort?.abort();
    if (item.state !== "done") item.state = "cancelled";
    this.pending.remove([item.key]);
    if (item.tus) endTus(item.tus);
    this.#next();
  }

  /** Clears finished uploads from the list. */
  clear() {
    this.items = this.items.filter((one) => one.state === "waiting" || one.state === "sending");
    const left = new Set(this.items.map((one) => one.key));
    this.pending.remove([...this.pending.byKey.keys()].filter((key) => !left.has(key)));
    this.#changed();
  }

  forgetDone() {
    this.items = this.items.filter((one) => one.state !== "done");
    this.#changed();
  }

  get tally() {
    const tally = { files: 0, bytes: 0, sent: 0, done: 0, failed: 0, lost: 0, active: 0 };
    for (const one of this.items) {
      if (one.state === "cancelled") continue;
      tally.files += 1;
      tally.bytes += one.size;
      tally.sent += one.state === "done" ? one.size : one.sent;
      tally.done += Number(one.state === "done");
      tally.failed += Number(one.state === "failed");
      tally.lost += Number(one.state === "lost");
      tally.active += Number(one.state === "waiting" || one.state === "sending");
    }
    return tally;
  }

  #next() {
    while (this.running < AT_ONCE) {
      const batch = this.#batch();
      if (!batch.length) break;
      this.running += 1;
      const run = batch.length === 1 && batch[0].size > SMALL ? this.#sendLarge(batch[0]) : this.#sendSmall(batch);
      run.finally(() => {
        this.running -= 1;
        this.#next();
      });
    }
    this.#changed();
  }

  /** The next batch: one large file, or several small ones. */
  #batch() {
    const waiting = this.items.filter((one) => one.state === "waiting");
    const first = waiting[0];
    if (!first) return [];
    const batch = [];
    let bytes = 0;
    for (const one of first.alone || first.size > SMALL ? [first] : waiting) {
      if (one !== first && (one.size > SMALL || one.alone || bytes + one.size > BATCH_BYTES)) continue;
      batch.push(one);
      bytes += one.size;
      if (batch.length === BATCH_FILES) break;
    }
    for (const one of batch) one.state = "sending";
    return batch;
  }

  /** @param {Upload} item */
  async #sendLarge(item) {
    item.abort = new AbortController();
    try {
      const document = await uploadByTus(/** @type {File} */ (item.file), {
        url: item.tus,
        onBegun: (url) => {
          item.tus = url;
          this.pending.add([{ key: item.key, name: item.name, size: item.size, tus: url }]);
        },
        onSent: (sent) => {
          item.sent = sent;
          this.#changed();
        },
        signal: item.abort.signal,
      });
      this.#done([item], [document]);
    } catch (error) {
      this.#failed(item, error);
    }
  }

  /** @param {Upload[]} batch */
  async #sendSmall(batch) {
    const abort = new AbortController();
    const form = new FormData();
    for (const one of batch) {
      one.abort = batch.length === 1 ? abort : null; // others of the batch go on
      form.append("files", /** @type {File} */ (one.file), one.name);
    }
    for (let failures = 0; ; failures += 1) {
      try {
        const answer = await transfer("POST", "/v1/files", form, { onSent: (sent) => this.#share(batch, sent), signal: abort.signal });
        const documents = JSON.parse(answer.responseText).items;
        return this.#done(batch, documents);
      } catch (error) {
        const isAway = error instanceof ApiError && AWAY.includes(error.status);
        if (isAway && failures < 30 && (await readable(batch))) {
          connection.dispatchEvent(new Event("away"));
          await pause(Math.min(500 * 2 ** failures, 10_000));
        } else if (batch.length > 1) {
          for (const one of batch) if (one.state === "sending") Object.assign(one, { state: "waiting", sent: 0, alone: true });
          return undefined;
        } else return this.#failed(batch[0], error);
      }
    }
  }

  #share(batch, sent) {
    let left = sent;
    for (const one of batch) {
      one.sent = Math.min(Math.max(left, 0), one.size);
      left -= one.size;
    }
    this.#changed();
  }

  #done(batch, documents) {
    batch.forEach((one, place) => {
      if (one.state === "cancelled") return;
      Object.assign(one, { state: "done", sent: one.size, document: documents[place], file: null, abort: null });
    });
    this.pending.remove(batch.map((one) => one.key));
    this.dispatchEvent(new CustomEvent("uploaded", { detail: documents }));
    this.#changed();
  }

  #failed(item, error) {
    if (item.state === "cancelled" || error?.name === "AbortError") item.state = "cancelled";
    else Object.assign(item, { state: "failed", error: reasonOf(error) });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @returns {Upload} */
const fresh = (key, name, size) => ({ key, name, size, file: null, state: "waiting", sent: 0, error: "", tus: "", document: null, abort: null, alone: false });

/** Whether the files can still be read: they may have been removed meanwhile. */
async function readable(batch) {
  try {
    for (const one of batch) await one.file?.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
