// Downloads: the tags of selections as one file of JSON lines.

import { make } from "/shared/dom.js";
import { counted } from "/shared/format.js";
import { address, all, inParallel, reasonOf, send } from "./api.js";
import { openDialog } from "./dialogs.js";
import { note } from "./notes.js";

const AT_ONCE = 4;
const FORMATS = {
  tags: "Tags (JSON lines)", coco: "COCO", csv: "CSV", clarifai: "Clarifai", cvat: "CVAT", fiftyone: "FiftyOne", huggingface: "Hugging Face",
  labelstudio: "Label Studio", masterful: "Masterful", voc: "Pascal VOC", webvtt: "WebVTT", yolo: "YOLO",
};

/** Lets the browser save a blob. @param {Blob} blob @param {string} name */
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Downloads the newest tags of files, of each model, in a format that is chosen. @param {string[]} digests */
export async function downloadTags(digests) {
  const lists = await inParallel(digests, AT_ONCE, (file) => all("/v1/predictions", { file, limit: 500 }));
  const ids = lists.flatMap((list) => {
    const newest = new Map();
    for (const one of list) if (one.has_results && !newest.has(one.model)) newest.set(one.model, one.id);
    return [...newest.values()];
  });
  if (!ids.length) return note("None of these files has results yet.", { isBad: true });
  return chooseFormat(ids);
}

/** @param {string[]} ids Of predictions. */
function chooseFormat(ids) {
  const select = make("select", {}, ...Object.entries(FORMATS).map(([value, name]) => make("option", { value }, name)));
  const problem = make("p", { className: "problem", hidden: true, attr: { role: "alert" } });
  const go = make("button", { className: "primary", type: "submit" }, "Download");
  const form = make("form", {}, make("label", { className: "field" }, make("span", {}, "Format"), select), problem, make("div", { className: "buttons end" }, go));
  const dialog = openDialog(`Tags of ${counted(ids.length, "prediction")}`, form);
  form.onsubmit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      const answer = await send("POST", address("/v1/exports", { format: select.value }), { json: { predictions: ids } });
      const [, name] = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "") ?? [];
      save(await answer.blob(), name ?? `tags.${select.value}`);
      dialog.close();
    } catch (error) {
      problem.textContent = reasonOf(error);
      problem.hidden = false;
      go.disabled = false;
    }
  };
}
