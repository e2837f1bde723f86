// HTTP client of /v1: retries, problem documents, pagination.

/** @typedef {{ place?: string, message: string }} Complaint */
/** @typedef {{ status: number, title?: string, detail?: string, code?: string, errors?: Complaint[], request_id?: string }} Problem */

const RETRIES = 4; // of idempotent requests, while the server is unavailable
const MAX_PAGE = 500; // items, of the server
const FIRST_PAUSE = 400; // ms, doubled each time

/** Statuses of an unavailable server: no answer, or that of a proxy in front of it. */
export const AWAY = [0, 502, 503, 504];

/** A request that failed, with the server's problem document; status 0: there was no answer. */
export class ApiError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail || problem.title || `the server answered ${problem.status}`);
    this.name = "ApiError";
    this.problem = problem;
    this.status = problem.status;
    this.code = problem.code ?? "";
    /** @type {Complaint[]} */
    this.errors = problem.errors ?? [];
  }
}

/** Events "away" and "back" of the server, "late" and "live" of its events, and "logged-out". */
export const connection = new EventTarget();

/** @param {number} ms */
export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

const mayRepeat = (method, path) => method === "GET" || path.endsWith(":lookup") || path === "/v1/search";

/** The message of an error. */
export const reasonOf = (error) => (error instanceof Error ? error.message : String(error));

/**
 * The problem in a body, or one made of the status.
 * @param {number} status
 * @param {string} text
 * @returns {Problem}
 */
export function problemOf(status, text) {
  try {
    return { ...JSON.parse(text), status };
  } catch {
    return { status, detail: status ? text.slice(0, 300) : "the server cannot be reached" };
  }
}

/**
 * Sends a request and returns the answer.
 * @param {string} method
 * @param {string} path
 * @param {{ json?: unknown, headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<Response>}
 */
export async function send(method, path, { json, headers = {}, signal } = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const all = body === undefined ? headers : { "content-type": "application/json", ...headers };
  for (let attempt = 0; ; attempt += 1) {
    let response;
    try {
      response = await fetch(path, { method, body, headers: all, signal, cache: "no-store" });
    } catch (error) {
      if (signal?.aborted) throw error;
      connection.dispatchEvent(new Event("away"));
    }
    const isAway = AWAY.includes(response?.status ?? 0);
    if (!isAway) connection.dispatchEvent(new Event("back"));
    if (response?.ok) return response;
    if (isAway && attempt < RETRIES && mayRepeat(method, path)) {
      await pause(FIRST_PAUSE * 2 ** attempt);
      continue;
    }
    const error = new ApiError(problemOf(response?.status ?? 0, response ? await response.text() : ""));
    if (error.status === 401 && path !== "/v1/session") connection.dispatchEvent(new Event("logged-out"));
    throw error;
  }
}

/**
 * Sends a request and returns the document of the answer.
 * @param {string} method
 * @param {string} path
 * @param {unknown} [json]
 * @param {{ headers?: Record<string, string>, signal?: AbortSignal }} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, json, options = {}) {
  const response = await send(method, path, { json, ...options });
  return response.status === 204 ? null : response.json();
}

/** A path with the parameters that are not empty. */
export function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== "" && one != null) query.append(name, String(one));
  }
  return query.size ? `${path}?${query}` : path;
}

/** All pages of a list. */
export async function all(path, parameters = {}) {
  const items = [];
  let cursor = "";
  do {
    const page = await call("GET", address(path, { ...parameters, cursor }));
    items.push(...page.items);
    cursor = page.next ?? "";
  } while (cursor);
  return items;
}

/**
 * The first items of a list, at least as many as are wanted if there are so many.
 * @param {number} number
 * @param {(cursor: string, limit: number) => Promise<{ items: any[], next?: string | null }>} load Reads one page.
 * @param {() => boolean} isWanted Whether anybody still waits for them.
 */
export async function firstOf(number, load, isWanted) {
  const items = [];
  let next = "";
  do {
    const page = await load(next, Math.min(Math.max(number - items.length, 1), MAX_PAGE));
    items.push(...page.items);
    next = page.next ?? "";
  } while (next && items.length < number && isWanted());
  return { items, next };
}

/** Runs tasks, a bounded number at once; the results are in order. */
export async function inParallel(items, atOnce, run) {
  const results = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const place = next;
      next += 1;
      results[place] = await run(items[place], place);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
  return results;
}

/** Parts of a list of at most this length. */
export const chunks = (items, size) =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, place) => items.slice(place * size, (place + 1) * size));
