// The histogram of confidences, over which a threshold is dragged.

import { styleColour } from "./colours.js";
import { byId, fitCanvas, oncePerFrame } from "./dom.js";
import { BINS } from "./filter.js";
import { count } from "./format.js";

export class Histogram {
  /**
   * @param {import("./state.js").State} state
   * @param {(threshold: number) => void} choose
   */
  constructor(state, choose) {
    this.state = state;
    this.canvas = byId("histogram");
    this.input = byId("threshold");
    this.draw = oncePerFrame(() => this.#draw());
    this.input.addEventListener("input", () => choose(Number(this.input.value)));
    for (const event of ["filter", "theme"]) state.on(event, this.draw);
    new ResizeObserver(this.draw).observe(this.canvas.parentElement ?? this.canvas);
  }

  #draw() {
    const { state } = this;
    if (!state.filter) return;
    const { bins } = state.filter;
    const total = bins.reduce((sum, number) => sum + number, 0);
    byId("confidence").hidden = total === 0 && state.threshold === 0;
    if (byId("confidence").hidden) return;
    this.input.value = String(state.threshold);
    const kept = bins.reduce((sum, number, bin) => sum + ((bin + 0.5) / BINS >= state.threshold ? number : 0), 0);
    byId("threshold-value").textContent = state.threshold ? `≥ ${state.threshold.toFixed(2)}` : "any";
    this.input.setAttribute("aria-valuetext", `${byId("threshold-value").textContent}, about ${count(kept)} of ${count(total)}`);
    const { clientWidth: width, clientHeight: height } = this.canvas.parentElement ?? this.canvas;
    const context = fitCanvas(this.canvas, width, height);
    const most = Math.max(...bins, 1);
    const [strong, weak] = [styleColour("--accent"), styleColour("--line")];
    bins.forEach((number, bin) => {
      if (!number) return;
      const tall = Math.max((number / most) * (height - 2), 2);
      context.fillStyle = (bin + 0.5) / BINS >= state.threshold ? strong : weak;
      context.fillRect((bin / BINS) * width, height - tall, width / BINS - 1, tall);
    });
  }
}
