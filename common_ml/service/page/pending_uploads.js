// Unfinished uploads, stored in IndexedDB, so that they can be resumed after a reload.

import { randomId } from "./words.js";

/** @typedef {{ key: string, name: string, size: number, tus: string }} Pending `tus` is the address of a begun upload. */

const TABLE = "uploads";
const WINDOW = "common-ml.window";

/** The same file, chosen again, has the same key. @param {File} file */
export const keyOf = (file) => `${file.name}|${file.size}|${file.lastModified}`;

/** Pending uploads, a row each, so that windows of one user do not overwrite each other's. */
export class PendingUploads {
  /** @param {IDBDatabase | null} database @param {Pending[]} known @param {string} owner This window. */
  constructor(database, known, owner) {
    this.database = database;
    this.owner = owner;
    this.byKey = new Map(known.map((one) => [one.key, one]));
  }

  /** Adopts the uploads that no other open window owns. @param {string} username Whose uploads. */
  static async open(username) {
    try {
      const owner = sessionStorage.getItem(WINDOW) ?? randomId(); // a reload keeps it
      sessionStorage.setItem(WINDOW, owner);
      const others = await otherWindows(owner);
      const opening = indexedDB.open(`common-ml.uploads.${username}`, 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore(TABLE, { keyPath: "key" });
      const database = await answerOf(opening);
      const known = await answerOf(database.transaction(TABLE).objectStore(TABLE).getAll());
      return new PendingUploads(database, known.filter((one) => !others.has(one.owner)), owner);
    } catch {
      return new PendingUploads(null, [], ""); // unavailable in private windows: the server still keeps the partial uploads
    }
  }

  /** @param {Pending[]} pending */
  add(pending) {
    for (const one of pending) this.byKey.set(one.key, one);
    this.#change(pending, (table, one) => table.put({ ...one, owner: this.owner }));
  }

  /** @param {string[]} keys */
  remove(keys) {
    for (const key of keys) this.byKey.delete(key);
    this.#change(keys, (table, key) => table.delete(key));
  }

  /** @template T @param {T[]} items @param {(table: IDBObjectStore, item: T) => void} act */
  #change(items, act) {
    if (!this.database || !items.length) return;
    try {
      const transaction = this.database.transaction(TABLE, "readwrite", { durability: "relaxed" });
      const table = transaction.objectStore(TABLE);
      for (const item of items) act(table, item);
      transaction.commit(); // at once: the window may be closed next
    } catch {
      this.database = null; // the browser has closed it, as in private windows
    }
  }
}

/**
 * The other open windows, each of which holds a Web Lock. Without HTTPS there are no locks, so that
 * none is known.
 * @param {string} owner
 * @returns {Promise<Set<string>>}
 */
async function otherWindows(owner) {
  if (!navigator.locks) return new Set();
  navigator.locks.request(`${WINDOW}.${owner}`, () => new Promise(() => {})); // until the window is closed
  const { held = [] } = await navigator.locks.query();
  const open = held.map(({ name }) => name ?? "").filter((name) => name.startsWith(`${WINDOW}.`));
  return new Set(open.map((name) => name.slice(WINDOW.length + 1)).filter((one) => one !== owner));
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const answerOf = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
