// Overlay of bounding boxes on the picture, and the list of tags at the current time.

import { boxColour, markColour } from "./colours.js";
import { CHANGE_SIGNS } from "./changenames.js";
import { byId, fitCanvas, make, oncePerFrame } from "./dom.js";
import { trackName } from "./format.js";
import { hideTip, showTip } from "./tip.js";
import { drawWave } from "./wave.js";

const MAX_CHIPS = 12;
const MAX_BOXES = 2000;
const BOX_EDGE = 3; // pixels around a box that still belong to it

export class Boxes {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./player.js").Player} player
   */
  constructor(state, player) {
    this.state = state;
    this.player = player;
    this.canvas = byId("boxes");
    this.draw = oncePerFrame(() => this.#draw());
    new ResizeObserver(this.draw).observe(byId("stage"));
    for (const event of ["file", "filter", "selected", "time", "boxes", "stage", "theme"]) state.on(event, this.draw);
    this.shownChips = "";
    state.on("page", () => {
      this.shownChips = ""; // it is of numbers, which may mean other texts now
    });
    const stage = byId("stage");
    stage.addEventListener("click", (event) => this.#click(event), true); // before the player's
    stage.addEventListener("pointermove", (event) => this.#hover(event));
    stage.addEventListener("pointerleave", hideTip);
    state.on("time", hideTip);
  }

  /** The tags whose boxes are at a place of the stage, the smallest first. */
  tagsAt(x, y) {
    const picture = this.state.showsBoxes ? this.picture() : null;
    if (!picture) return [];
    const { table } = this.state;
    const found = [];
    for (const tag of this.tagsNow()) {
      const box = table.boxOf(tag);
      if (!box) continue;
      const [left, top, right, bottom] = [...box].map((edge, n) => (n % 2 ? picture.top + edge * picture.height : picture.left + edge * picture.width));
      if (x < left - BOX_EDGE || x > right + BOX_EDGE || y < top - BOX_EDGE || y > bottom + BOX_EDGE) continue;
      found.push({ tag, area: (right - left) * (bottom - top) });
    }
    return found.sort((one, other) => one.area - other.area).map(({ tag }) => tag);
  }

  /** Selects the box under the pointer; of several the smallest, then the next larger one. */
  #click(event) {
    const tags = this.tagsAt(...place(event));
    if (!tags.length) return;
    event.stopPropagation();
    const tag = tags[(tags.indexOf(this.state.selected) + 1) % tags.length];
    this.state.selected = this.state.table.isEarlier(tag) ? this.state.table.partner[tag] : tag;
    this.state.emit("selected");
  }

  #hover(event) {
    const [tag] = this.tagsAt(...place(event));
    byId("stage").classList.toggle("over-box", tag !== undefined);
    if (tag === undefined) hideTip();
    else if (event.buttons === 0) showTip(`${this.state.table.textOf(tag) || "(empty)"}\n${trackName(this.state.table.trackOf(tag))}`, event);
  }

  /** Where the picture is within the stage: { left, top, width, height } in pixels. */
  picture() {
    const { clientWidth, clientHeight } = byId("stage");
    const { element } = this.player;
    const { media } = this.state;
    const [shownWidth, shownHeight] = sizeOf(element);
    const width = shownWidth || media.width;
    const height = shownHeight || media.height;
    if (!width || !height) return null;
    const scale = Math.min(clientWidth / width, clientHeight / height);
    return {
      left: (clientWidth - width * scale) / 2,
      top: (clientHeight - height * scale) / 2,
      width: width * scale,
      height: height * scale,
    };
  }

  /** The tags of this moment that the filter lets through, latest first; all tags of a picture. */
  tagsNow() {
    const { table, filter, media, nowMs } = this.state;
    if (media.kind === "image") return [...filter.order.subarray(0, MAX_BOXES)];
    const tags = [];
    table.forEachAt(nowMs + 1, (tag) => filter.has[tag] && tags.length < MAX_BOXES && tags.push(tag));
    return tags;
  }

  #draw() {
    const { state } = this;
    if (!state.table) return;
    const stage = byId("stage");
    const context = fitCanvas(this.canvas, stage.clientWidth, stage.clientHeight);
    const tags = this.tagsNow();
    this.#showChips(tags);
    if (state.media.kind === "audio") this.#drawSound(context, stage.clientWidth, stage.clientHeight);
    const picture = this.picture();
    if (!picture || !state.showsBoxes) return;
    context.font = "600 12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const boxed = tags.filter((tag) => state.table.boxOf(tag)).reverse();
    if (boxed.includes(state.selected)) boxed.push(...boxed.splice(boxed.indexOf(state.selected), 1)); // on top
    for (const tag of boxed) this.#drawBox(context, picture, tag, boxed.length);
  }

  /** All of the sound, what has been heard in another colour. */
  #drawSound(context, width, height) {
    const { state } = this;
    const place = { left: 24, top: height * 0.3, width: Math.max(width - 48, 1), height: height * 0.4 };
    drawWave(context, state.media, place, { from: 0, to: state.durationMs }, (ms) => (ms < state.nowMs ? "#8ea6ff" : "#5a6270"));
  }

  #drawBox(context, picture, tag, howMany) {
    const { table, selected } = this.state;
    const [x1, y1, x2, y2] = table.boxOf(tag) ?? [0, 0, 0, 0];
    const left = picture.left + x1 * picture.width;
    const top = picture.top + y1 * picture.height;
    const width = (x2 - x1) * picture.width;
    const height = (y2 - y1) * picture.height;
    const colour = boxColour(table.look[tag]);
    const isSelected = tag === selected;
    context.lineJoin = "round";
    if (isSelected) {
      context.fillStyle = "rgb(255 255 255 / 0.12)";
      context.fillRect(left, top, width, height);
    }
    context.strokeStyle = isSelected ? "#fff" : "rgb(0 0 0 / 0.55)"; // an outline for contrast with the picture
    context.lineWidth = isSelected ? 7 : 4;
    context.strokeRect(left, top, width, height);
    if (table.isCompared && table.side[tag] === 1) context.setLineDash([7, 5]); // as it was before
    context.strokeStyle = colour;
    context.lineWidth = isSelected ? 4 : 2;
    context.strokeRect(left, top, width, height);
    context.setLineDash([]);
    if (table.isEarlier(tag)) return; // what it became has the name
    if (howMany > 60 && !isSelected) return; // too many names would hide the picture
    const sure = table.sure[tag] === null ? "" : `  ${table.sure[tag].toFixed(2)}`;
    const sign = table.isCompared && table.change[tag] ? `${CHANGE_SIGNS[table.change[tag]]} ` : "";
    const text = `${sign}${table.textOf(tag).slice(0, 60)}${sure}`;
    const labelWidth = context.measureText(text).width + 12;
    const stageWidth = this.canvas.clientWidth;
    const labelLeft = Math.max(Math.min(left - 1, stageWidth - labelWidth), 0);
    const labelTop = top >= 20 ? top - 19 : Math.min(top + 1, picture.top + picture.height - 18);
    context.fillStyle = colour;
    context.beginPath();
    context.roundRect(labelLeft, labelTop, labelWidth, 18, 3);
    context.fill();
    context.fillStyle = "#101014";
    context.fillText(text, labelLeft + 6, labelTop + 9.5);
  }

  /** What is there now, each text once: for sound, and for tags without boxes. */
  #showChips(tags) {
    const { table } = this.state;
    const texts = [...new Set(tags.map((tag) => table.text[tag]))].sort((one, other) => one - other);
    const key = texts.join(" ") + this.state.media.kind;
    if (key === this.shownChips) return;
    this.shownChips = key;
    const chips = texts.slice(0, MAX_CHIPS).map((text) => {
      const dot = make("i");
      dot.style.background = markColour(text);
      return make("span", { className: "chip" }, dot, table.page.texts[text] || "(empty)");
    });
    byId("now").replaceChildren(...chips);
  }
}

/** Where an event happened within the stage. @returns {[number, number]} */
function place(event) {
  const { left, top } = byId("stage").getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

/** Width and height in pixels of what an element shows; 0 as long as that is not known. */
function sizeOf(element) {
  if (element instanceof HTMLVideoElement) return [element.videoWidth, element.videoHeight];
  return element instanceof HTMLImageElement ? [element.naturalWidth, element.naturalHeight] : [0, 0];
}
