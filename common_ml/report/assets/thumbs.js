// Thumbnails of moments: embedded in the page, or decoded from the linked media.

import { context2d, make } from "./dom.js";

export const THUMB = { width: 80, height: 45 };
const KEPT = { width: 320, height: 180 }; // pixels: enough for a gallery
const MAX_KEPT = 300;
const MAX_VIDEOS = 2; // open at a time
const GIVE_UP_MS = 4000;

/**
 * A moment of a file of the page; `insideMs` is how far after `ms` its picture is safely there.
 * @typedef {{ place: number, ms: number, insideMs: number }} Moment
 */

/** Draws thumbnails on canvases; requests are served one at a time, last in first out. */
export class Thumbs {
  /**
   * @param {import("./state.js").State} state
   * @param {import("./player.js").Player} player
   */
  constructor(state, player) {
    this.state = state;
    this.player = player;
    /** @type {Map<string, HTMLCanvasElement | HTMLImageElement>} place and ms -> picture */
    this.kept = new Map();
    /** @type {{ key: string, moment: Moment, canvas: HTMLCanvasElement, isWanted: () => boolean, then: () => void }[]} */
    this.wishes = [];
    this.isBusy = false;
    /** @type {Map<number, Promise<HTMLVideoElement>>} */
    this.videos = new Map();
    this.names = this.#namesOfFiles();
    state.on("page", () => this.#renew());
  }

  #namesOfFiles() {
    return JSON.stringify(this.state.page.files.map((file) => [file.name, file.src]));
  }

  /** Forgets the pictures of files that have another place on a newer page. */
  #renew() {
    const names = this.#namesOfFiles();
    if (names.startsWith(this.names.slice(0, -1))) return;
    this.kept.clear();
    this.wishes = [];
    for (const place of [...this.videos.keys()]) this.#closeVideo(place);
    this.names = names;
  }

  /** Whether there will be pictures of a file. */
  areThere(place) {
    const file = this.state.page.files[place];
    return file.kind === "image" || file.kind === "video" ? file.thumbs.length > 0 || this.player.source(place) !== null : false;
  }

  /** The moment of a tag of the file that is shown. @returns {Moment} */
  momentOf(tag) {
    const { media, table, file } = this.state;
    const insideMs = table.isFrame(tag) ? Math.min(this.player.frameMs / 2, 10) : 1;
    return { place: file, ms: media.kind === "image" ? 0 : table.start[tag], insideMs };
  }

  /**
   * Draws a moment, now or once it is there.
   * @param {HTMLCanvasElement} canvas
   * @param {Moment} moment
   * @param {() => boolean} isWanted Says later whether that still helps.
   * @param {() => void} then Called after the picture is drawn.
   */
  paint(canvas, moment, isWanted, then = () => {}) {
    const key = `${moment.place} ${moment.ms}`;
    const known = this.kept.get(key);
    if (known) {
      drawWhole(canvas, known, moment.ms);
      then();
      return;
    }
    context2d(canvas).clearRect(0, 0, canvas.width, canvas.height);
    delete canvas.dataset.ms;
    this.wishes.push({ key, moment, canvas, isWanted, then });
    if (this.wishes.length > 300) this.wishes.splice(0, 150);
    this.#work();
  }

  async #work() {
    if (this.isBusy) return;
    this.isBusy = true;
    for (let wish = this.wishes.pop(); wish; wish = this.wishes.pop()) {
      if (!wish.isWanted()) continue;
      const picture = this.kept.get(wish.key) ?? (await this.#take(wish.moment).catch(() => null));
      if (!picture) continue;
      this.kept.set(wish.key, picture);
      const [oldest] = this.kept.keys();
      if (this.kept.size > MAX_KEPT) this.kept.delete(oldest);
      if (!wish.isWanted()) continue;
      drawWhole(wish.canvas, picture, wish.moment.ms);
      wish.then();
    }
    this.isBusy = false;
  }

  async #take({ place, ms, insideMs }) {
    const file = this.state.page.files[place];
    if (file.thumbs.length) return loadImage(file.thumbs[nearest(file.thumbTimes, ms)]);
    const source = this.player.source(place);
    if (source === null || source === undefined) return null;
    if (file.kind === "image") return shrunk(await loadImage(source));
    const video = await this.#video(place, source);
    const sought = happens(video, "seeked");
    video.currentTime = Math.min((ms + insideMs) / 1000, Math.max(video.duration - 0.001, 0));
    await sought;
    return shrunk(video, video.videoWidth, video.videoHeight);
  }

  /** A video of its own, so that the one that is watched stays where it is. */
  #video(place, source) {
    const known = this.videos.get(place);
    if (known) return known;
    const opened = openVideo(source);
    this.videos.set(place, opened);
    const [oldest] = this.videos.keys();
    if (this.videos.size > MAX_VIDEOS) this.#closeVideo(oldest);
    return opened;
  }

  #closeVideo(place) {
    this.videos.get(place)?.then((video) => video.removeAttribute("src"), () => {});
    this.videos.delete(place);
  }
}

/**
 * Where the whole picture lies within a canvas or thumbnail.
 * @param {number} width Of the picture.
 * @param {number} height Of the picture.
 * @param {{ width: number, height: number }} room
 */
export function fitted(width, height, room) {
  const scale = Math.min(room.width / (width || 16), room.height / (height || 9));
  const [w, h] = [(width || 16) * scale, (height || 9) * scale];
  return { left: (room.width - w) / 2, top: (room.height - h) / 2, width: w, height: h };
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
  const scale = Math.min(KEPT.width / width, KEPT.height / height, 1);
  const copy = make("canvas", { width: Math.max(Math.round(width * scale), 1), height: Math.max(Math.round(height * scale), 1) });
  context2d(copy).drawImage(picture, 0, 0, copy.width, copy.height);
  return copy;
}

/** Draws the whole picture of a moment in the middle of a canvas. */
function drawWhole(canvas, picture, ms) {
  canvas.dataset.ms = ms;
  const { left, top, width, height } = fitted(picture.naturalWidth ?? picture.width, picture.naturalHeight ?? picture.height, canvas);
  const context = context2d(canvas);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, left, top, width, height);
}
