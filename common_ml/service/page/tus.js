// Resumable uploads by tus 1.0.

import { ApiError, call, connection, pause, problemOf, send } from "./api.js";
import { transfer } from "./transfer.js";

const VERSION = { "tus-resumable": "1.0.0" };
const CHUNK = 16 << 20; // bytes a request: what a lost connection can cost
const LONGEST_PAUSE = 10_000; // ms

/**
 * Uploads a file, from where an earlier try stopped; waits while the server is away.
 * @param {File} file
 * @param {object} options
 * @param {string} options.url Of a begun upload, or empty.
 * @param {(url: string) => void} options.onBegun
 * @param {(sent: number) => void} options.onSent Bytes that have gone.
 * @param {AbortSignal} options.signal
 * @returns {Promise<any>} The document of the file.
 */
export async function uploadByTus(file, { url, onBegun, onSent, signal }) {
  let place = url;
  for (let failures = 0; ; failures += 1) {
    try {
      let offset = place ? await offsetOf(place, signal) : -1;
      if (offset < 0) {
        place = await begin(file, signal);
        onBegun(place);
        offset = 0;
      }
      while (offset < file.size) {
        const from = offset;
        onSent(from);
        const answer = await transfer("PATCH", place, file.slice(from, from + CHUNK), {
          headers: { ...VERSION, "upload-offset": String(from), "content-type": "application/offset+octet-stream" },
          onSent: (sent) => onSent(from + sent),
          signal,
        });
        offset = Number(answer.getResponseHeader("upload-offset"));
        failures = 0;
      }
      onSent(file.size);
      return (await call("GET", place, undefined, { signal })).file;
    } catch (error) {
      if (!(error instanceof ApiError) || ![0, 409, 423, 502, 503, 504].includes(error.status)) throw error;
      if (error.status === 0) connection.dispatchEvent(new Event("away"));
      await pause(Math.min(500 * 2 ** failures, LONGEST_PAUSE));
      if (signal.aborted) throw new DOMException("cancelled", "AbortError");
    }
  }
}

/** Ends an upload on the server. @param {string} url */
export const endTus = (url) => send("DELETE", url, { headers: VERSION }).catch(() => {}); // it expires by itself

async function begin(file, signal) {
  const name = btoa(String.fromCharCode(...new TextEncoder().encode(file.name)));
  const answer = await send("POST", "/v1/uploads", {
    headers: { ...VERSION, "upload-length": String(file.size), "upload-metadata": `filename ${name}` },
    signal,
  });
  const url = answer.headers.get("location");
  if (!url) throw new ApiError(problemOf(500, "the server gave the upload no address"));
  return url;
}

/** Bytes that the server has; -1 if it does not know the upload any longer. */
async function offsetOf(url, signal) {
  try {
    const answer = await send("HEAD", url, { headers: VERSION, signal });
    return Number(answer.headers.get("upload-offset"));
  } catch (error) {
    if (error instanceof ApiError && [404, 410].includes(error.status)) return -1;
    throw error;
  }
}
