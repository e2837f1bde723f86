// Media player: plays what the browser supports, else only keeps the current time.

import { byId, make } from "./dom.js";
import { clock } from "./format.js";

const PLAYS = /** @type {const} */ (["play", "mute", "speed"]);
const STEPS = /** @type {const} */ (["step-back", "step-on"]);

/** Emits the current time in ms ("time") and the duration of the file ("duration"). */
export class Player {
  /** @param {import("./state.js").State} state */
  constructor(state) {
    this.state = state;
    /** @type {HTMLMediaElement | HTMLImageElement | null} */
    this.element = null;
    this.pendingMs = /** @type {number | null} */ (null);
    this.framesTell = false;
    /** @type {Map<number, string>} */
    this.blobs = new Map();
    state.on("file", () => this.#load());
    state.on("page", () => this.#renew());
    byId("play").addEventListener("click", () => this.toggle());
    byId("step-back").addEventListener("click", () => this.step(-1));
    byId("step-on").addEventListener("click", () => this.step(1));
    byId("mute").addEventListener("click", () => this.mute());
    byId("speed").addEventListener("change", () => this.#setSpeed());
    byId("media").addEventListener("click", () => this.toggle());
  }

  /** The element, where it has a time of its own: not for pictures, nor where nothing can be played. */
  get timed() {
    return this.element instanceof HTMLMediaElement ? this.element : null;
  }

  get isPlaying() {
    return this.timed !== null && !this.timed.paused;
  }

  /** Milliseconds that a frame is shown. */
  get frameMs() {
    return this.state.media.rate > 0 ? 1000 / this.state.media.rate : 40;
  }

  /** Where the page gets the media from: its own inside, or beside it; null: nowhere. */
  source(place) {
    const file = this.state.page.files[place];
    if (!file.carried) return file.src;
    if (!this.blobs.has(place)) {
      const text = atob(byId(`media-${place}`).textContent ?? "");
      const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      this.blobs.set(place, URL.createObjectURL(new Blob([bytes], { type: file.mime })));
    }
    return this.blobs.get(place);
  }

  /** Seeks to a time; the media element follows asynchronously. */
  seek(ms) {
    const wanted = Math.min(Math.max(ms, 0), this.state.durationMs);
    const { timed } = this;
    if (timed && timed.readyState > 0) timed.currentTime = wanted / 1000;
    else this.pendingMs = wanted;
    this.#tell(wanted);
  }

  /** Seeks to the start of a tag, slightly inside its frame, since times are rounded. */
  seekTag(tag) {
    const { table } = this.state;
    const inside = table.isFrame(tag) ? Math.min(this.frameMs / 2, 10) : 1;
    this.seek(table.start[tag] + inside);
  }

  toggle() {
    const { timed } = this;
    if (timed?.paused) timed.play().catch(() => this.#failed());
    else timed?.pause();
  }

  /** Pauses and goes some frames on. */
  step(frames) {
    this.timed?.pause();
    const frame = Math.floor(this.state.nowMs / this.frameMs + 1e-3) + frames;
    this.seek((frame + 0.5) * this.frameMs);
  }

  mute() {
    if (this.timed) this.timed.muted = !this.timed.muted;
  }

  speed(steps) {
    const select = byId("speed");
    select.selectedIndex = Math.min(Math.max(select.selectedIndex + steps, 0), select.options.length - 1);
    this.#setSpeed();
  }

  #setSpeed() {
    if (this.timed) this.timed.playbackRate = Number(byId("speed").value);
  }

  #load() {
    const { media, table } = this.state;
    this.element?.remove();
    this.timed?.pause();
    this.timed?.removeAttribute("src");
    this.element = null;
    this.pendingMs = null;
    this.state.durationMs = Math.max(media.duration * 1000, table.lastMs, 1);
    byId("stage").dataset.kind = media.kind;
    const source = this.source(this.state.file);
    this.#note(media.note || (media.kind === "audio" && !media.wave ? "Sound" : ""));
    if (source !== null) this.#open(source);
    byId("media").replaceChildren(...(this.element ? [this.element] : []));
    for (const id of PLAYS) byId(id).disabled = this.timed === null;
    for (const id of STEPS) byId(id).disabled = media.kind === "image";
    this.#showState();
    this.#tell(0);
  }

  /** Tags of a newer page may reach farther; a timeline that shows all goes on doing so. */
  #renew() {
    const { state } = this;
    if (state.table.lastMs <= state.durationMs) return;
    state.durationMs = state.table.lastMs;
    state.emit("duration");
    this.#tell(state.nowMs);
  }

  #open(source) {
    const { media } = this.state;
    if (media.kind === "image") {
      const picture = make("img", { src: source, alt: media.name, draggable: false });
      picture.addEventListener("load", () => this.state.emit("stage"));
      picture.addEventListener("error", () => this.#failed());
      this.element = picture;
      return;
    }
    const isSound = media.kind === "audio";
    const element = make(isSound ? "audio" : "video", { src: source, preload: "auto", playsInline: true });
    this.element = element;
    const on = (name, run) => element.addEventListener(name, () => element === this.element && run());
    on("loadedmetadata", () => {
      if (Number.isFinite(element.duration)) {
        this.state.durationMs = Math.max(element.duration * 1000, this.state.table.lastMs, 1);
        this.state.emit("duration");
      }
      if (this.pendingMs !== null) element.currentTime = this.pendingMs / 1000;
      if (element instanceof HTMLVideoElement && element.videoWidth === 0) this.#note("This browser can play the sound of this file, but not its pictures.");
      this.#setSpeed();
      this.state.emit("stage");
    });
    on("error", () => this.#failed());
    for (const name of ["play", "pause", "ended", "volumechange"]) on(name, () => this.#showState());
    on("seeked", () => this.#tell(element.currentTime * 1000));
    on("timeupdate", () => this.#tell(element.currentTime * 1000));
    on("play", () => this.#follow(element));
    if (element instanceof HTMLVideoElement && "requestVideoFrameCallback" in element) this.#followFrames(element);
  }

  /** Polls the time while playing, since `timeupdate` events come only a few times a second. */
  #follow(element) {
    if (element !== this.element || element.paused) return;
    if (!this.framesTell) this.#tell(element.currentTime * 1000);
    requestAnimationFrame(() => this.#follow(element));
  }

  /** The presentation time of the displayed frame, rather than the clock, so that boxes match it. */
  #followFrames(element) {
    this.framesTell = false;
    const shown = (_, { mediaTime }) => {
      if (element !== this.element) return;
      this.framesTell = true;
      if (!element.paused) this.#tell(mediaTime * 1000);
      element.requestVideoFrameCallback(shown);
    };
    element.requestVideoFrameCallback(shown);
  }

  #failed() {
    this.#note("This browser cannot play this file. Its tags are here all the same.");
    for (const id of PLAYS) byId(id).disabled = true;
    this.element?.remove();
    this.element = null;
    this.state.emit("stage");
  }

  #note(text) {
    const note = byId("stage-note");
    const { media } = this.state;
    note.hidden = !text;
    note.replaceChildren(make("strong", {}, media.name), text ? text[0].toUpperCase() + text.slice(1) : "");
  }

  #showState() {
    const isPlaying = this.isPlaying;
    byId("play-shape").setAttribute("d", isPlaying ? "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z" : "M4 2.5v11l9-5.5z");
    byId("mute").setAttribute("aria-pressed", String(this.timed !== null && !this.timed.muted));
  }

  #tell(ms) {
    this.state.nowMs = ms;
    byId("clock").replaceChildren(
      make("b", {}, clock(ms)),
      ` / ${clock(this.state.durationMs, 1)}`,
    );
    this.state.emit("time");
  }
}
