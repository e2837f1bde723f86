// Boxes over the picture that is shown, and the line that says what is there at this moment.

import { boxColour, markColour } from "./colours.js";
import { byId, fitCanvas, make, oncePerFrame } from "./dom.js";

const MOST_CHIPS = 12;
const MOST_BOXES = 2000;

export class Boxes {
  constructor(state, player) {
    this.state = state;
    this.player = player;
    this.canvas = byId("boxes");
    this.draw = oncePerFrame(() => this.#draw());
    new ResizeObserver(this.draw).observe(byId("stage"));
    for (const event of ["file", "filter", "selected", "time", "boxes", "stage", "theme"]) state.on(event, this.draw);
    this.shownChips = "";
  }

  /** Where the picture is within the stage: { left, top, width, height } in pixels. */
  picture() {
    const { clientWidth, clientHeight } = byId("stage");
    const { element } = this.player;
    const { media } = this.state;
    const width = element?.videoWidth || element?.naturalWidth || media.width;
    const height = element?.videoHeight || element?.naturalHeight || media.height;
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
    if (media.kind === "image") return [...filter.order.subarray(0, MOST_BOXES)];
    const tags = [];
    table.forEachAt(nowMs + 1, (tag) => filter.has[tag] && tags.length < MOST_BOXES && tags.push(tag));
    return tags;
  }

  #draw() {
    const { state } = this;
    if (!state.table) return;
    const stage = byId("stage");
    const context = fitCanvas(this.canvas, stage.clientWidth, stage.clientHeight);
    const tags = this.tagsNow();
    this.#showChips(tags);
    const picture = this.picture();
    if (!picture || !state.showsBoxes) return;
    context.font = "600 12px system-ui, sans-serif";
    context.textBaseline = "middle";
    const boxed = tags.filter((tag) => state.table.boxOf(tag)).reverse();
    for (const tag of boxed) this.#drawBox(context, picture, tag, boxed.length);
  }

  #drawBox(context, picture, tag, howMany) {
    const { table, selected } = this.state;
    const [x1, y1, x2, y2] = table.boxOf(tag);
    const left = picture.left + x1 * picture.width;
    const top = picture.top + y1 * picture.height;
    const width = (x2 - x1) * picture.width;
    const height = (y2 - y1) * picture.height;
    const colour = boxColour(table.text[tag]);
    const isSelected = tag === selected;
    context.lineJoin = "round";
    context.strokeStyle = "rgb(0 0 0 / 0.55)"; // a seam that keeps the box apart from a bright picture
    context.lineWidth = isSelected ? 6 : 4;
    context.strokeRect(left, top, width, height);
    context.strokeStyle = colour;
    context.lineWidth = isSelected ? 4 : 2;
    context.strokeRect(left, top, width, height);
    if (howMany > 60 && !isSelected) return; // names over names would hide the picture
    const sure = table.sure[tag] === null ? "" : `  ${table.sure[tag].toFixed(2)}`;
    const text = `${table.textOf(tag).slice(0, 60)}${sure}`;
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
    const chips = texts.slice(0, MOST_CHIPS).map((text) => {
      const dot = make("i");
      dot.style.background = markColour(text);
      return make("span", { className: "chip" }, dot, table.page.texts[text] || "(empty)");
    });
    byId("now").replaceChildren(...chips);
  }
}
