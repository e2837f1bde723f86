// Overall progress of predictions: a bar, and periodic announcements to screen readers.

import { oncePerFrame } from "/shared/dom.js";
import { count, counted } from "/shared/format.js";
import { say } from "./notes.js";

const SAID_EVERY = 10_000; // ms

/** @param {import("./predictions_store.js").PredictionsStore} store */
export function showWork(store) {
  const root = /** @type {HTMLElement} */ (document.getElementById("work"));
  const bar = /** @type {HTMLProgressElement} */ (document.getElementById("work-bar"));
  const text = /** @type {HTMLElement} */ (document.getElementById("work-text"));
  let saidAt = 0;
  store.addEventListener("change", oncePerFrame(() => {
    const { all, finished, failed, sum } = store.tally;
    root.hidden = !all;
    bar.value = all ? sum / all : 0;
    root.dataset.state = finished < all ? "running" : "finished";
    text.textContent = `${count(finished)} of ${counted(all, "prediction")}${failed ? ` · ${count(failed)} failed` : ""}`;
    if (finished === all) {
      if (all) say(`All is finished: ${text.textContent}`);
      store.watched.clear();
    } else if (performance.now() - saidAt > SAID_EVERY) {
      saidAt = performance.now();
      say(text.textContent);
    }
  }));
}
