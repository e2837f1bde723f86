// Keyboard shortcuts: one table, which is also the help under "?".

import { byId, make } from "./dom.js";

/** Listens to the keyboard. `does` has a function for each name in the table. */
export function listenToKeys(does) {
  const table = [
    ["Space", "Play or pause", [" ", "k"], does.toggle],
    ["← →", "Back or forward 1 s; with Shift 10 s", ["ArrowLeft", "ArrowRight"], (event) => does.skip(sign(event) * (event.shiftKey ? 10_000 : 1000))],
    [", .", "One frame back or forward", [",", "."], (event) => does.step(event.key === "," ? -1 : 1)],
    ["↑ ↓", "Previous or next tag in the list", ["ArrowUp", "ArrowDown"], (event) => does.move(event.key === "ArrowUp" ? -1 : 1)],
    ["Page ↑ ↓", "One page of tags up or down", ["PageUp", "PageDown"], (event) => does.page(event.key === "PageUp" ? -1 : 1)],
    ["Home End", "First or last tag", ["Home", "End"], (event) => (event.key === "Home" ? does.first() : does.last())],
    ["/", "Filter the tags", ["/"], does.search],
    ["Esc", "Clear the filter, deselect the tag", ["Escape"], does.escape],
    ["+ - 0", "Zoom in, out, show all", ["+", "=", "-", "0"], (event) => does.zoom(event.key)],
    ["[ ]", "Pan the timeline", ["[", "]"], (event) => does.pan(event.key === "[" ? -0.25 : 0.25)],
    ["p n", "Previous or next file", ["p", "n"], (event) => does.file(event.key === "p" ? -1 : 1)],
    ["1 2 3", "Tags, errors, run", ["1", "2", "3"], (event) => does.tab(Number(event.key) - 1)],
    ["< >", "Slower, faster", ["<", ">"], (event) => does.speed(event.key === "<" ? -1 : 1)],
    ["b", "Boxes on or off", ["b"], does.boxes],
    ["a r", "Accept or reject the tag, and go to the next; again: undo", ["a", "r"], (event) => does.decide(event.key === "a" ? "accepted" : "rejected")],
    ["e", "Write a note on the tag", ["e"], does.note],
    ["d D", "Of two runs: next or previous difference", ["d", "D"], (event) => does.difference(event.key === "d" ? 1 : -1)],
    ["g", "Gallery", ["g"], does.gallery],
    ["f", "Full screen", ["f"], does.full],
    ["m", "Sound on or off", ["m"], does.mute],
    ["t", "Light or dark", ["t"], does.theme],
    ["?", "Keyboard shortcuts", ["?"], does.help],
  ];
  byId("keys").replaceChildren(
    ...table.flatMap(([keys, meaning]) => [make("dt", {}, ...keys.split(" ").map((key) => make("kbd", {}, key))), make("dd", {}, meaning)]),
  );
  const actions = new Map(table.flatMap(([, , keys, run]) => keys.map((key) => [key, run])));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const run = actions.get(event.key);
    if (!run || belongsElsewhere(event)) return;
    event.preventDefault();
    run(event);
  });
}

const sign = (event) => (event.key === "ArrowLeft" ? -1 : 1);

/** Whether a key belongs to the focused element: typed letters, or space and arrows of a button or menu. */
function belongsElsewhere({ key, target }) {
  if (target instanceof HTMLInputElement && target.type === "range") return key.startsWith("Arrow") || key.startsWith("Page") || key === "Home" || key === "End";
  if (target instanceof HTMLInputElement) return !["Escape", "ArrowDown", "ArrowUp"].includes(key);
  if (target instanceof HTMLSelectElement) return key.startsWith("Arrow") || key === " ";
  return target instanceof HTMLButtonElement && (key === " " || key === "Enter");
}
