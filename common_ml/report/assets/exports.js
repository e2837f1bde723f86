// Export of the tags that match the filter: as a tags file, CSV or COCO.

import { byId, make } from "./dom.js";
import { counted } from "./format.js";
import { matching } from "./filter.js";

/** @typedef {{ file: import("./state.js").MediaFile, table: import("./table.js").TagTable, tags: ArrayLike<number> }} Part */

/** Listens to the dialog in which a form is chosen. */
export function listenToExport(state) {
  const dialog = byId("export");
  const parts = () => (byId("export-all").checked ? allParts(state) : [{ file: state.media, table: state.table, tags: state.filter.order }]);
  const tell = () => {
    const chosen = parts();
    byId("export-count").textContent = `${counted(chosen.reduce((sum, { tags }) => sum + tags.length, 0), "tag")} of ${counted(chosen.length, "file")}`;
  };
  byId("export-open").addEventListener("click", () => {
    tell();
    dialog.showModal();
  });
  for (const id of /** @type {const} */ (["export-all", "export-file"])) byId(id).addEventListener("change", tell);
  for (const [id, name, type, form] of FORMS) {
    byId(`export-${id}`).addEventListener("click", () => {
      save(`${state.page.name}-${name}`, type, form(parts()));
      dialog.close();
    });
  }
}

/** @returns {Part[]} */
function allParts(state) {
  return state.page.files
    .map((file, place) => ({ file, table: state.tables.of(place) }))
    .map(({ file, table }) => ({ file, table, tags: matching(state, table, file) }))
    .filter(({ tags }) => tags.length);
}

/** One message a line, as a tagger writes them; without vectors, which are not in the page. */
export function asTags(parts) {
  return lines(parts, ({ file, table }, tag) => JSON.stringify({
    type: "tag",
    data: {
      start_time: table.start[tag],
      end_time: table.end[tag],
      tag: table.textOf(tag),
      source_media: file.name,
      track: table.trackOf(tag),
      additional_info: table.infoOf(tag),
      frame_info: table.isFrame(tag) ? { frame_idx: table.frame[tag], box: boxObject(table.boxOf(tag)) } : null,
    },
  }));
}

const COLUMNS = ["media", "label", "track", "confidence", "x1", "y1", "x2", "y2", "start_seconds", "end_seconds", "frame_index", "attributes"];

/** One tag a row, in the columns that datasets read. */
export function asCsv(parts) {
  const head = `${COLUMNS.join(",")}\n`;
  return head + lines(parts, ({ file, table }, tag) => {
    const kept = table.infoOf(tag) ?? {};
    const { confidence } = kept;
    const isRatio = typeof confidence === "number" && confidence >= 0 && confidence <= 1;
    if (isRatio) delete kept.confidence; // it has a column
    const cells = [
      file.name, table.textOf(tag), table.trackOf(tag), isRatio ? confidence : "", ...(table.boxOf(tag) ?? ["", "", "", ""]),
      table.start[tag] / 1000, table.end[tag] / 1000, table.isFrame(tag) ? table.frame[tag] : "",
      Object.keys(kept).length ? JSON.stringify(kept) : "",
    ];
    return cells.map(cell).join(",");
  });
}

/** Pictures and frames with their boxes in pixels; a frame's name is the file's with `#` and its index. */
export function asCoco(parts) {
  const [images, annotations, categories] = [new Map(), /** @type {object[]} */ ([]), new Map()];
  each(parts, ({ file, table }, tag) => {
    const box = table.boxOf(tag);
    if (!box || !file.width) return;
    const name = file.kind === "image" ? file.name : `${file.name}#${table.frame[tag]}`;
    if (!images.has(name)) images.set(name, { id: images.size + 1, file_name: name, width: file.width, height: file.height });
    const label = table.textOf(tag);
    if (!categories.has(label)) categories.set(label, { id: categories.size + 1, name: label });
    const [x, y, right, bottom] = [...box].map((edge, n) => edge * (n % 2 ? file.height : file.width));
    annotations.push({
      id: annotations.length + 1,
      image_id: images.get(name).id,
      category_id: categories.get(label).id,
      bbox: [x, y, right - x, bottom - y],
      area: (right - x) * (bottom - y),
      iscrowd: 0,
      ...(table.sure[tag] === null ? {} : { score: table.sure[tag] }),
      ...(table.trackOf(tag) ? { track: table.trackOf(tag) } : {}),
    });
  });
  return JSON.stringify({ images: [...images.values()], annotations, categories: [...categories.values()] });
}

const FORMS = /** @type {const} */ ([
  ["tags", "selection.jsonl", "application/jsonl", asTags],
  ["csv", "selection.csv", "text/csv", asCsv],
  ["coco", "coco.json", "application/json", asCoco],
]);

/** Downloads a text as a file. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function each(parts, visit) {
  for (const part of parts) for (let n = 0; n < part.tags.length; n++) visit(part, part.tags[n]);
}

function lines(parts, line) {
  const made = /** @type {string[]} */ ([]);
  each(parts, (part, tag) => made.push(line(part, tag)));
  return made.length ? `${made.join("\n")}\n` : "";
}

const boxObject = (box) => (box ? { x1: box[0], y1: box[1], x2: box[2], y2: box[3] } : null);

const cell = (value) => (/[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
