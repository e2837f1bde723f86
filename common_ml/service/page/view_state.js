// View state in the URL, for reloads and the back button.

/** @typedef {{ view: string, q: string, kind: string, model: string, state: string, tag: string, confidence: string, file: string }} Shown */

const EMPTY = { view: "files", q: "", kind: "", model: "", state: "", tag: "", confidence: "", file: "" };

export const viewState = new EventTarget();

/** @returns {Shown} */
export function shown() {
  const query = new URLSearchParams(location.search);
  /** @type {Shown} */
  const found = { ...EMPTY };
  for (const name of Object.keys(EMPTY)) found[name] = query.get(name) ?? EMPTY[name];
  return found;
}

/**
 * Shows something else; with `replace` without a step for the back button.
 * @param {Partial<Shown>} changes
 * @param {{ replace?: boolean }} [options]
 */
export function show(changes, { replace = false } = {}) {
  const before = shown();
  const base = changes.view && changes.view !== before.view ? EMPTY : before;
  const wanted = { ...base, ...changes };
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(wanted)) if (value !== EMPTY[name]) query.set(name, value);
  const target = query.size ? `/?${query}` : "/";
  if (target === location.pathname + location.search) return;
  if (replace) history.replaceState(null, "", target);
  else history.pushState(null, "", target);
  viewState.dispatchEvent(new CustomEvent("change", { detail: { before } }));
}

addEventListener("popstate", () => viewState.dispatchEvent(new CustomEvent("change", { detail: { before: null } })));
