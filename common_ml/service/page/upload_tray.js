// Upload tray: total progress, and the state or error of each file.

import { make, oncePerFrame } from "/shared/dom.js";
import { count, counted } from "/shared/format.js";
import { VirtualList } from "/shared/list.js";
import { kindIcon } from "./kinds.js";
import { say } from "./notes.js";
import { bytes, percent } from "./words.js";

const ORDER = { failed: 0, lost: 1, sending: 2, waiting: 3, cancelled: 4, done: 5 };
const WORDS = { waiting: "waiting", sending: "", done: "uploaded", failed: "failed", cancelled: "cancelled", lost: "choose this file again to go on" };
const SAID_EVERY = 5000; // ms

/**
 * @param {HTMLElement} root
 * @param {import("./uploads.js").Uploads} uploads
 * @param {{ onPredict: (files: any[]) => void, mayPredict: boolean }} options
 */
export function showUploads(root, uploads, { onPredict, mayPredict }) {
  const title = make("b", { id: "tray-title" });
  const bar = make("progress", { max: 1, value: 0, attr: { "aria-label": "Uploaded" } });
  const predict = make("button", { className: "primary", id: "tray-predict" });
  const fold = make("button", { className: "ghost icon", attr: { "aria-label": "Show the files", "aria-expanded": "true" } }, "▾");
  const clear = make("button", { className: "ghost icon", id: "tray-clear", attr: { "aria-label": "Clear the list" } }, "×");
  const holder = make("div", { className: "list", tabIndex: 0, attr: { role: "list", "aria-label": "Uploads" } });
  root.replaceChildren(make("header", {}, title, make("span", { className: "gap" }), predict, fold, clear), bar, holder);
  let rows = [];
  const list = new VirtualList(holder, {
    rowHeight: 44,
    role: "listitem",
    makeRow: () => make("div", { className: "row upload" }),
    fillRow: (row, index) => fill(row, rows[index], uploads),
  });
  fold.onclick = () => {
    holder.hidden = !holder.hidden;
    fold.setAttribute("aria-expanded", String(!holder.hidden));
    fold.textContent = holder.hidden ? "▴" : "▾";
  };
  clear.onclick = () => uploads.clear();
  predict.onclick = () => onPredict(ready());
  const ready = () => uploads.items.filter((one) => one.state === "done").map((one) => one.document);
  let saidAt = 0;
  const draw = oncePerFrame(() => {
    const tally = uploads.tally;
    root.hidden = !uploads.items.length;
    const words = [];
    if (tally.active) words.push(`Uploading ${count(tally.done)} of ${count(tally.files)}, ${tally.bytes ? percent(tally.sent / tally.bytes) : ""} of ${bytes(tally.bytes)}`);
    else if (tally.done) words.push(`${counted(tally.done, "file")} uploaded`);
    if (tally.failed) words.push(`${count(tally.failed)} failed`);
    if (tally.lost) words.push(`${count(tally.lost)} interrupted: choose them again`);
    title.textContent = words.join(" · ") || "Uploads";
    bar.value = tally.bytes ? tally.sent / tally.bytes : 1;
    bar.hidden = !tally.active;
    root.dataset.active = String(tally.active);
    predict.hidden = !mayPredict || Boolean(tally.active) || !tally.done;
    predict.textContent = `Choose models for ${tally.done === 1 ? "it" : `all ${count(tally.done)}`}`;
    rows = [...uploads.items].sort((a, b) => ORDER[a.state] - ORDER[b.state]);
    list.size = rows.length;
    list.draw();
    if (performance.now() - saidAt > SAID_EVERY || !tally.active) {
      saidAt = performance.now();
      if (uploads.items.length) say(title.textContent);
    }
  });
  uploads.addEventListener("change", draw);
  draw();
}

/** @param {any} row @param {import("./uploads.js").Upload} item */
function fill(row, item, uploads) {
  const kind = item.document?.kind ?? "unknown";
  const signature = `${item.key}|${item.state}|${kind}`;
  if (row.dataset.signature !== signature) {
    row.dataset.signature = signature;
    row.dataset.state = item.state;
    const retry = item.state === "failed" || item.state === "cancelled" ? make("button", { className: "link", onclick: () => uploads.retry(item) }, "Retry") : null;
    const stop = ["waiting", "sending", "lost"].includes(item.state) ? make("button", { className: "ghost icon", attr: { "aria-label": `Cancel ${item.name}` }, onclick: () => uploads.cancel(item) }, "×") : null;
    row.replaceChildren(kindIcon(kind),
      make("span", { className: "words" }, make("span", { className: "name", title: item.name }, item.name), make("span", { className: "minor about", title: item.error })),
      make("progress", { max: 1, value: 0, hidden: item.state !== "sending", attr: { "aria-label": item.name } }),
      ...[retry, stop].filter((one) => one !== null));
  }
  row.querySelector(".about").textContent = item.error || [WORDS[item.state], item.document ? kind : "", bytes(item.size)].filter(Boolean).join(" · ");
  row.querySelector("progress").value = item.size ? item.sent / item.size : 0;
}
