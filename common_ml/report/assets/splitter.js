// Resizable panes, by dragging or arrow keys; sizes are saved in localStorage.

import { byId } from "./dom.js";
import { recall, remember } from "./memory.js";

const STEP = 24; // pixels that an arrow key moves an edge

/** Pane -> its custom property, whether its size is a width, and where it is from its edge. */
const EDGES = /** @type {const} */ ([
  { id: "files-edge", pane: "files", property: "--files", isWidth: true, sign: 1, least: 140, most: 520 },
  { id: "side-edge", pane: "side", property: "--side", isWidth: true, sign: -1, least: 260, most: 720 },
  { id: "timeline-edge", pane: "timeline", property: "--lanes", isWidth: false, sign: -1, least: 70, most: 700 },
]);

/** Makes the edges move. */
export function listenToEdges() {
  const kept = /** @type {Record<string, number>} */ (JSON.parse(recall("panes") ?? "{}"));
  for (const edge of EDGES) {
    if (edge.pane in kept) resize(edge, kept[edge.pane], kept);
    const element = byId(edge.id);
    const sizeOf = () => byId(edge.pane).getBoundingClientRect()[edge.isWidth ? "width" : "height"];
    /** @type {{ at: number, size: number } | null} */
    let drag = null;
    element.addEventListener("pointerdown", (event) => {
      element.setPointerCapture(event.pointerId);
      drag = { at: edge.isWidth ? event.clientX : event.clientY, size: sizeOf() };
    });
    element.addEventListener("pointermove", (event) => {
      if (drag) resize(edge, drag.size + ((edge.isWidth ? event.clientX : event.clientY) - drag.at) * edge.sign, kept);
    });
    for (const end of ["pointerup", "pointercancel"]) element.addEventListener(end, () => (drag = null));
    element.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -STEP, ArrowUp: -STEP, ArrowRight: STEP, ArrowDown: STEP }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      resize(edge, sizeOf() + step * edge.sign, kept);
    });
    element.addEventListener("dblclick", () => {
      document.body.style.removeProperty(edge.property);
      delete kept[edge.pane];
      remember("panes", JSON.stringify(kept));
    });
  }
}

function resize(edge, size, kept) {
  const most = Math.min(edge.most, (edge.isWidth ? window.innerWidth : window.innerHeight) * 0.6);
  const pixels = Math.round(Math.max(Math.min(size, most), edge.least));
  document.body.style.setProperty(edge.property, `${pixels}px`);
  byId(edge.id).setAttribute("aria-valuenow", String(pixels));
  kept[edge.pane] = pixels;
  remember("panes", JSON.stringify(kept));
}
