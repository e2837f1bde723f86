// One file: its content, facts, tags, and its predictions with their labels.

import { make } from "/shared/dom.js";
import { call, reasonOf, all } from "./api.js";
import { note } from "./notes.js";
import { stateChip, kindIcon } from "./kinds.js";
import { isPending } from "./predictions_store.js";
import { editTags } from "./tags_dialog.js";
import { bytes, moment, took } from "./words.js";

const LABELS = 12; // of a prediction, until more are wanted

/**
 * @param {HTMLElement} root
 * @param {string} sha256
 * @param {import("./main.js").App} app
 * @param {() => void} onClose
 */
export function openFile(root, sha256, app, onClose) {
  const close = make("button", { className: "ghost icon", title: "Close (Esc)", attr: { "aria-label": "Close" }, onclick: onClose }, "×");
  const title = make("h2", {}, "…");
  const content = make("div", { className: "preview" });
  const facts = make("dl", {});
  const tags = make("div", { className: "line wrap" });
  const predictions = make("div", { className: "predictions", attr: { "aria-live": "polite" } });
  root.replaceChildren(make("header", {}, title, close), make("div", { className: "scroll" }, content, tags, make("h3", {}, "Predictions"), predictions, make("h3", {}, "File"), facts));
  /** @type {Map<string, HTMLElement>} labels by prediction */
  const labels = new Map();
  let isGone = false;

  const draw = () => {
    const known = app.store.ofFile(sha256);
    const focused = predictions.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.focus : "";
    predictions.replaceChildren(...known.map((one) => block(one, app, labels)));
    if (!known.length) predictions.append(make("p", { className: "minor" }, "None yet."));
    if (focused) /** @type {HTMLElement | null} */ (predictions.querySelector(`[data-focus="${focused}"]`))?.focus();
  };

  const load = async () => {
    try {
      const asked = app.store.now();
      const [file, found] = await Promise.all([call("GET", `/v1/files/${sha256}`), all("/v1/predictions", { file: sha256, limit: 500 })]);
      if (root.querySelector("h2") !== title) return;
      title.textContent = file.name;
      title.title = file.name;
      content.replaceChildren(preview(file, app.session.may("download")));
      tags.replaceChildren(...file.tags.map((tag) => make("span", { className: "badge" }, tag)), ...file.tag_roles.map((role) => make("span", { className: "badge accent", title: "open to this role" }, role)),
        app.session.may("tag") ? make("button", { className: "link", onclick: () => editTags([file], { isAdmin: false, models: null, onDone: load }) }, "Tags…") : "",
        app.session.may("predict") ? make("button", { className: "link", onclick: () => app.files.predict([file]) }, "Predict…") : "");
      facts.replaceChildren(...fact("Kind", file.kind), ...fact("Size", bytes(file.size)), ...fact("Uploaded", moment(file.created_at)),
        ...(file.names.length > 1 ? fact("Names", file.names.join(", ")) : []), ...fact("SHA-256", file.sha256), ...fact("MD5", file.md5));
      app.store.add(found, asked);
      isGone = false;
      draw();
    } catch (error) {
      isGone = true;
      title.textContent = "This file cannot be shown";
      content.replaceChildren(make("p", { className: "problem" }, reasonOf(error)), make("button", { onclick: load }, "Try again"));
    }
  };
  load();
  return { update: () => isGone || draw() };
}

const fact = (name, value) => [make("dt", {}, name), make("dd", {}, value)];

function preview(file, mayDownload) {
  if (!mayDownload) return make("p", { className: "minor" }, "");
  const src = `/v1/files/${file.sha256}/content`;
  const save = make("a", { href: `${src}?download=true`, className: "button" }, "Download file");
  if (file.kind === "image") return make("div", {}, make("img", { src, alt: file.name }), save);
  if (file.kind === "video") return make("div", {}, make("video", { src, controls: true, preload: "metadata" }), save);
  if (file.kind === "audio") return make("div", {}, make("audio", { src, controls: true, preload: "metadata" }), save);
  return make("div", {}, make("span", { className: "picture big" }, kindIcon(file.kind)), save);
}

/** One prediction. */
function block(one, app, labels) {
  const act = (name, text) => make("button", { className: "link", data: { focus: `${name}-${one.id}` }, onclick: () => app.store.act(name, [one.id]).catch((error) => note(reasonOf(error), { isBad: true })) }, text);
  const mayDownload = app.session.may("download");
  const mayPredict = app.session.may("predict");
  const buttons = make("div", { className: "line wrap" },
    one.has_results && mayDownload ? make("a", { href: `/v1/predictions/${one.id}/page`, target: "_blank", rel: "noopener", data: { focus: `page-${one.id}` } }, "Timeline") : null,
    one.has_results && mayDownload ? make("a", { href: `/v1/predictions/${one.id}/tags`, data: { focus: `tags-${one.id}` } }, "Tags (JSON lines)") : null,
    mayPredict && isPending(one) ? act("cancel", "Cancel") : null,
    mayPredict && (one.state === "failed" || one.state === "cancelled") ? act("retry", "Retry") : null);
  if (one.has_results && !labels.has(one.id)) {
    const place = make("div", { className: "labels" });
    labels.set(one.id, place);
    fillLabels(one.id, place, LABELS);
  }
  const params = Object.keys(one.params).length ? make("p", { className: "minor" }, JSON.stringify(one.params)) : null;
  return make("section", { className: "prediction", data: { state: one.state, id: one.id } },
    make("div", { className: "line" }, stateChip(one), make("span", { className: "minor" }, took(one.seconds)), make("span", { className: "minor" }, one.attempts > 1 ? `${one.attempts} attempts` : "")),
    one.state === "running" ? make("progress", { max: 1, ...(one.progress === null ? {} : { value: one.progress }), attr: { "aria-label": `Progress of ${one.model}` } }) : null,
    params,
    one.error ? make("p", { className: "problem" }, one.error) : null,
    labels.get(one.id) ?? null,
    buttons);
}

async function fillLabels(id, place, limit) {
  try {
    const { items } = await call("GET", `/v1/predictions/${id}/labels?limit=${limit + 1}`);
    place.replaceChildren(...items.slice(0, limit).map((label) => make("span", { className: "label" }, label.label, make("span", { className: "minor" }, label.n > 1 ? ` ×${label.n}` : "", label.best === null ? "" : ` ${label.best.toFixed(2)}`))));
    if (items.length > limit) place.append(make("button", { className: "link", onclick: () => fillLabels(id, place, limit * 20) }, "more"));
  } catch {
    place.replaceChildren(make("button", { className: "link", onclick: () => fillLabels(id, place, limit) }, "The labels could not be read: try again"));
  }
}
