// Headers of the lanes: track names, and buttons to hide or solo a track.

import { byId, make } from "./dom.js";
import { trackName } from "./format.js";

export class LaneHeads {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./timeline.js").Timeline} timeline
   */
  constructor(state, timeline) {
    this.state = state;
    this.timeline = timeline;
    this.root = byId("heads");
    this.shown = "";
    this.root.addEventListener("click", (event) => this.#click(event));
    this.root.addEventListener("focusin", (event) => {
      const head = headOf(event);
      if (head) this.timeline.revealLane(Number(head.dataset.track));
    });
  }

  /** Recreates all headers: tracks may have been renumbered. */
  forget() {
    this.shown = "";
  }

  /** Positions the headers of the visible lanes; only these exist. */
  draw() {
    const { lanes, scroll, height } = this.timeline;
    const visible = lanes.filter(({ top, height: tall }) => top + tall > scroll && top - scroll < height);
    const key = JSON.stringify([this.state.file, ...visible.map(({ track, side, top }) => [track, side, top, this.state.hidden.has(track)])]);
    if (key !== this.shown) {
      this.shown = key;
      const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.key : undefined;
      this.root.replaceChildren(...visible.map((lane) => this.#head(lane)));
      if (focused) /** @type {HTMLElement | null} */ (this.root.querySelector(`[data-key="${focused}"]`))?.focus();
    }
    this.root.style.width = `${this.timeline.gutter - 1}px`;
    this.root.style.setProperty("--shift", `${-scroll}px`);
  }

  #head({ track, side, top, height }) {
    if (track < 0) {
      const sound = make("div", { className: "head off", data: { track } }, make("span", { className: "name" }, "sound"));
      sound.style.top = `${top}px`;
      sound.style.height = `${height - 1}px`;
      return sound;
    }
    const isHidden = this.state.hidden.has(track);
    const run = ["", "before", "after"][side];
    const plain = trackName(this.state.page.tracks[track]);
    const name = run ? `${plain} · ${run}` : plain;
    const isAlone = this.state.hidden.size > 0 && this.timeline.lanes.every((lane) => lane.track < 0 || (lane.track === track) !== this.state.hidden.has(lane.track));
    const head = make(
      "div",
      { className: isHidden ? "head off" : "head", data: { track } },
      make("span", { className: "name", title: name }, plain),
      run ? make("span", { className: "run" }, run) : null, // never cut off: names of lanes differ in it
      side === 2 ? null : button("solo", track, isAlone, isAlone ? "Show all tracks again" : `Show ${name} alone`, "S"),
      side === 2 ? null : button("hide", track, !isHidden, isHidden ? `Show ${name}` : `Hide ${name}`),
    );
    head.style.top = `${top}px`;
    head.style.height = `${height - 1}px`;
    return head;
  }

  #click(event) {
    const head = headOf(event);
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!head || !button) return;
    const track = Number(head.dataset.track);
    const others = this.timeline.lanes.map((lane) => lane.track).filter((one) => one !== track && one >= 0);
    if (button.dataset.does === "hide") this.state.setHidden(track, !this.state.hidden.has(track));
    else if (button.getAttribute("aria-pressed") === "true") this.state.showTracks();
    else this.state.setSolo(track, others);
  }
}

/** @returns {HTMLElement | null} */
function headOf({ target }) {
  return target instanceof Element ? target.closest(".head") : null;
}

function button(does, track, isPressed, title, sign = "") {
  const shape = does === "hide" ? eye() : sign;
  return make("button", { className: `ghost ${does}`, title, data: { does, key: `${does}-${track}` }, attr: { "aria-label": title, "aria-pressed": String(isPressed) } }, shape);
}

/** A copy of the shape in page.html. */
const eye = () => /** @type {HTMLTemplateElement} */ (document.getElementById("eye")).content.cloneNode(true);
