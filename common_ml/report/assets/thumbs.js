// Small pictures for the list: from the page itself, or else taken from the media beside it.

import { make } from "./dom.js";

export const THUMB = { width: 80, height: 45 };
const MOST_KEPT = 400;
const GIVE_UP_MS = 4000;

/** Draws the pictures of moments on canvases; one moment at a time is sought, the latest wish first. */
export class Thumbs {
  constructor(state, player) {
    this.state = state;
    this.player = player;
    this.#reset();
    state.on("file", () => this.#reset());
  }

  /** Whether there will be pictures of this file. */
  get areThere() {
    const { media } = this.state;
    return media.kind !== "audio" && (media.thumbs.length > 0 || this.#canSeek);
  }

  get #canSeek() {
    return this.player.source(this.state.file) !== null && this.state.media.kind !== "unknown";
  }

  /** Draws the moment of a tag, now or once it is there; `isWanted` says whether that still helps. */
  paint(canvas, tag, isWanted) {
    const { media, table } = this.state;
    const ms = media.kind === "image" ? 0 : table.start[tag];
    const known = this.kept.get(ms);
    if (known) {
      drawCovering(canvas, known, ms);
      return;
    }
    canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    delete canvas.dataset.ms;
    this.wishes.push({ ms, tag, canvas, isWanted });
    if (this.wishes.length > 200) this.wishes.splice(0, 100);
    this.#work();
  }

  #reset() {
    this.kept = new Map(); // ms -> canvas
    this.wishes = [];
    this.turn = (this.turn ?? 0) + 1;
    this.isBusy = false;
    this.source = null;
  }

  async #work() {
    if (this.isBusy) return;
    this.isBusy = true;
    const { turn } = this;
    while (this.wishes.length && turn === this.turn) {
      const wish = this.wishes.pop();
      if (!wish.isWanted()) continue;
      const picture = this.kept.get(wish.ms) ?? (await this.#take(wish).catch(() => null));
      if (turn !== this.turn) return;
      if (!picture) continue;
      this.kept.set(wish.ms, picture);
      if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
      if (wish.isWanted()) drawCovering(wish.canvas, picture, wish.ms);
    }
    if (turn === this.turn) this.isBusy = false;
  }

  async #take({ ms, tag }) {
    const { media } = this.state;
    if (media.thumbs.length) return loadImage(media.thumbs[nearest(media.thumbTimes, ms)]);
    if (!this.#canSeek) return null;
    if (media.kind === "image") return shrunk(await loadImage(this.player.source(this.state.file)));
    this.source ??= openVideo(this.player.source(this.state.file));
    const video = await this.source;
    const inside = this.state.table.isFrame(tag) ? Math.min(this.player.frameMs / 2, 10) : 1;
    const sought = happens(video, "seeked");
    video.currentTime = Math.min((ms + inside) / 1000, Math.max(video.duration - 0.001, 0));
    await sought;
    return shrunk(video, video.videoWidth, video.videoHeight);
  }
}

function nearest(times, ms) {
  let best = 0;
  for (let i = 1; i < times.length; i++) {
    if (Math.abs(times[i] - ms) < Math.abs(times[best] - ms)) best = i;
  }
  return best;
}

function loadImage(source) {
  const image = make("img", { src: source });
  return image.decode().then(() => image);
}

async function openVideo(source) {
  const video = make("video", { muted: true, preload: "auto", playsInline: true });
  const ready = happens(video, "loadeddata");
  video.src = source;
  await ready;
  return video;
}

/** Waits for an event of an element; gives up on an error, or when it takes too long. */
function happens(element, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name}`)), GIVE_UP_MS);
    const finish = (settle) => () => {
      clearTimeout(timer);
      settle();
    };
    element.addEventListener(name, finish(resolve), { once: true });
    element.addEventListener("error", finish(() => reject(new Error("broken"))), { once: true });
  });
}

/** A small copy, so that not hundreds of large pictures are kept. */
function shrunk(picture, width = picture.naturalWidth, height = picture.naturalHeight) {
  const scale = Math.max((2 * THUMB.width) / width, (2 * THUMB.height) / height);
  const copy = make("canvas", { width: Math.max(Math.round(width * scale), 1), height: Math.max(Math.round(height * scale), 1) });
  copy.getContext("2d").drawImage(picture, 0, 0, copy.width, copy.height);
  return copy;
}

/** Fills a canvas with the picture of a moment, cutting what does not fit. */
function drawCovering(canvas, picture, ms) {
  canvas.dataset.ms = ms;
  const [width, height] = [picture.naturalWidth ?? picture.width, picture.naturalHeight ?? picture.height];
  const scale = Math.max(canvas.width / width, canvas.height / height);
  const [w, h] = [width * scale, height * scale];
  canvas.getContext("2d").drawImage(picture, (canvas.width - w) / 2, (canvas.height - h) / 2, w, h);
}
