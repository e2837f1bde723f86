// Toast messages, announced to screen readers.

import { make } from "/shared/dom.js";

const LASTS = 6000; // ms; errors stay until they are closed

/**
 * @param {string} text
 * @param {{ isBad?: boolean }} [options]
 */
export function note(text, { isBad = false } = {}) {
  const close = make("button", { className: "ghost icon", attr: { "aria-label": "Close" } }, "×");
  const box = make("div", { className: isBad ? "note bad" : "note", attr: { role: isBad ? "alert" : "status" } }, make("p", {}, text), close);
  close.onclick = () => box.remove();
  const holder = document.getElementById("notes");
  holder?.append(box);
  while (holder && holder.children.length > 4) holder.firstElementChild?.remove();
  if (!isBad) setTimeout(() => box.remove(), LASTS);
}

/** Announces a text to screen readers only. */
export function say(text) {
  const said = document.getElementById("said");
  if (said && said.textContent !== text) said.textContent = text;
}
