// Keys, and the list of them.

import { make } from "/shared/dom.js";
import { openDialog } from "./dialogs.js";

const KEYS = [
  ["/", "Search"], ["u", "Add files"], ["p", "Predict the selected files"], ["1 … 5", "Files, predictions, models, account, administration"],
  ["↑ ↓ PageUp PageDown Home End", "Move in a list"], ["Space", "Select or deselect"], ["Shift ↑ ↓", "Select more"], ["Ctrl A", "Select all loaded rows"],
  ["Enter", "Open the file"], ["Esc", "Close the file; clear the selection"], ["c", "Predictions: cancel"], ["r", "Predictions: retry"], ["o", "Predictions: open the timeline"],
  ["t", "Light or dark"], ["?", "Keyboard shortcuts"],
];

export function showKeys() {
  if (document.querySelector("dialog[open]")) return;
  openDialog("Keys", make("dl", { className: "keys" }, ...KEYS.flatMap(([keys, what]) => [make("dt", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, what)])));
}

/** @param {Record<string, () => void>} acts @param {(key: string) => boolean} others */
export function listenToKeys(acts, others) {
  addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (target.matches("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (acts[event.key]) acts[event.key]();
    else if (!others(event.key)) return;
    event.preventDefault();
  });
}
