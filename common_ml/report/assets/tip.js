// The tooltip of canvases: one for the page, hidden as soon as it is stale.

import { byId } from "./dom.js";

const STALE_AFTER = ["keydown", "pointerdown", "wheel", "blur", "resize"];

/** Hides the tooltip whenever something may have moved under the pointer. */
export function listenForStaleTips() {
  for (const event of STALE_AFTER) window.addEventListener(event, hideTip, { capture: true, passive: true });
}

/**
 * @param {string} text
 * @param {{ clientX: number, clientY: number }} pointer
 */
export function showTip(text, { clientX, clientY }) {
  const tip = byId("tip");
  tip.textContent = text;
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(Math.min(clientX + 12, window.innerWidth - width - 8), 8)}px`;
  tip.style.top = `${clientY - height - 10 < 8 ? clientY + 18 : clientY - height - 10}px`;
}

export function hideTip() {
  byId("tip").hidden = true;
}
