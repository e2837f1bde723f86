// Kinds of files, and which models take them.

import { make } from "/shared/dom.js";

export const KINDS = ["image", "video", "audio", "text", "unknown"];
export const STATES = ["queued", "running", "done", "failed", "cancelled"];

/** @typedef {{ name: string, type: string[], revision: string, description: string, tags: string[], fields: any, params: any, defaults: any, slots: number, available: boolean, queued: number, running: number, seen_at: string | null }} Model */
/** @typedef {{ sha256: string, md5: string, size: number, kind: string, name: string, names: string[], created_at: string, tags: string[], tag_roles: string[], states: Record<string, number> }} FileDocument */

/** Whether a model takes files of a kind; the sound of a video is for models of audio, too. @param {Model} model */
export const takes = (model, kind) => model.type.includes(kind) || (kind === "video" && model.type.includes("audio"));

const SHAPES = {
  image: "M2.5 3.5h11v9h-11zM2.5 11l3.5-3.5 3 3 2-1.5 2.5 2.5M10.5 6.2v.1",
  video: "M2.5 3.5h11v9h-11zM6.8 6v4l3.4-2z",
  audio: "M2.5 8v.1M5 5.5v5M7.5 3.5v9M10 6v4M12.5 7.2v1.6",
  text: "M4 2.5h8v11H4zM6 5.5h4M6 8h4M6 10.5h2.5",
  unknown: "M4 2.5h8v11H4zM6.6 6.3c.2-1.8 3-1.6 2.8.2-.1 1-1.4 1.1-1.4 2.2M8 10.8v.1",
};

/** A picture for a kind. */
export function kindIcon(kind) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[kind] ?? SHAPES.unknown);
  svg.append(path);
  return svg;
}

/** A thumbnail where the kind has one, else its picture. @param {{ sha256: string, kind: string }} file */
export function picture(file) {
  const box = make("span", { className: "picture", data: { kind: file.kind } }, kindIcon(file.kind));
  if (file.kind === "image" || file.kind === "video") {
    const image = make("img", { alt: "", decoding: "async" });
    image.onerror = () => image.remove(); // damaged, or none
    image.src = `/v1/files/${file.sha256}/thumbnail`;
    box.append(image);
  }
  return box;
}

/** The state of a prediction as a chip. @param {import("./predictions_store.js").Prediction} prediction */
export function stateChip(prediction) {
  const { state, progress, num_tags: tags } = prediction;
  const words = state === "running" && progress ? `${Math.floor(progress * 100)} %` : state === "done" && tags !== null ? `${tags} ${tags === 1 ? "tag" : "tags"}` : state;
  const chip = make("span", { className: "chip", data: { state } }, make("i", {}), make("b", {}, prediction.model), make("span", { className: "minor" }, words));
  if (prediction.error) chip.title = prediction.error;
  if (prediction.stale) chip.append(make("span", { className: "minor", title: "The model has a newer revision" }, "old"));
  return chip;
}
