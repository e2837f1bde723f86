// An upload request with progress, by XMLHttpRequest.

import { AWAY, ApiError, connection, problemOf } from "./api.js";

/**
 * @param {string} method
 * @param {string} path
 * @param {Blob | FormData} body
 * @param {object} options
 * @param {Record<string, string>} [options.headers]
 * @param {(sent: number) => void} [options.onSent] Bytes of the body so far.
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<XMLHttpRequest>}
 */
export function transfer(method, path, body, { headers = {}, onSent, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => onSent?.(event.loaded);
    request.onload = () => {
      if (!AWAY.includes(request.status)) connection.dispatchEvent(new Event("back"));
      if (request.status < 300) return resolve(request);
      if (request.status === 401) connection.dispatchEvent(new Event("logged-out"));
      return reject(new ApiError(problemOf(request.status, request.responseText)));
    };
    request.onerror = () => reject(new ApiError({ status: 0, detail: "the connection was lost" }));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    if (signal?.aborted) return reject(new DOMException("cancelled", "AbortError"));
    return request.send(body);
  });
}
