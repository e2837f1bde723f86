// Names in filter expressions, resolved to columns of a table.

import { CHANGES } from "./changenames.js";
import { baseName } from "./format.js";
import { QueryProblem } from "./queryparser.js";

/**
 * What a name stands for: its value for a tag, null where it is not known; `json` may be of any
 * type. `codes` number the few values of a column of texts.
 * @typedef {{ type: "number" | "text" | "json" | "boolean", at: (tag: number) => any, codes?: Uint32Array, size?: number }} Column
 */

/** @type {Record<string, [Column["type"], (file: import("./state.js").MediaFile) => any]>} */
const FILE_FIELDS = {
  path: ["text", (file) => file.name],
  id: ["text", (file) => file.name],
  original_filename: ["text", (file) => baseName(file.name)],
  kind: ["text", (file) => (file.kind === "unknown" ? null : file.kind)],
  type: ["text", (file) => (file.kind === "unknown" ? null : file.kind)],
  width: ["number", (file) => file.width || null],
  height: ["number", (file) => file.height || null],
  duration: ["number", (file) => file.duration || null],
};
const VERDICTS = ["verdict", "note"];
/** @type {Record<string, (table: import("./table.js").TagTable) => Column>} */
const TAG_FIELDS = {
  label: (table) => ({ type: "text", at: (tag) => table.textOf(tag), codes: table.text, size: table.page.texts.length }),
  track: (table) => ({ type: "text", at: (tag) => table.trackOf(tag), codes: table.track, size: table.page.tracks.length }),
  confidence: (table) => ({ type: "number", at: (tag) => inRatio(table.sure[tag]) }),
  start_time: (table) => ({ type: "number", at: (tag) => table.start[tag] }),
  end_time: (table) => ({ type: "number", at: (tag) => table.end[tag] }),
  verdict: (table) => ({ type: "text", at: (tag) => table.verdicts.get(tag)?.verdict ?? null }),
  note: (table) => ({ type: "text", at: (tag) => table.verdicts.get(tag)?.note || null }),
  change: (table) => ({ type: "text", at: (tag) => (table.isCompared ? CHANGES[table.change[tag]] : null) }),
  value: () => ({ type: "number", at: () => 1 }),
};

/**
 * The column of a name.
 * @param {string[]} name
 * @param {import("./table.js").TagTable} table
 * @param {import("./state.js").MediaFile} file
 * @returns {Column}
 * @throws {QueryProblem} there is no such name
 */
export function columnOf(name, table, file) {
  const [root, ...rest] = name;
  if (!rest.length && Object.hasOwn(TAG_FIELDS, root)) return TAG_FIELDS[root](table);
  if (root === "labels" && rest.length) return labelCount(rest.join("."), table);
  if (root === "attributes" && rest.length) return attribute(rest, table);
  if (root === "file" && rest.length === 1 && Object.hasOwn(FILE_FIELDS, rest[0])) {
    const [type, value] = FILE_FIELDS[rest[0]];
    return { type, at: () => value(file) };
  }
  if (root === "file" && rest.length) throw unknown(name.join("."), Object.keys(FILE_FIELDS).map((field) => `file.${field}`));
  throw unknown(name.join("."), [...Object.keys(TAG_FIELDS), "labels.<name>", "attributes.<name>", "file.<field>"]);
}

/** How often the file has a label. @returns {Column} */
function labelCount(wanted, table) {
  const { texts } = table.page;
  let text = texts.indexOf(wanted);
  if (text < 0) {
    const alike = [...texts.keys()].filter((place) => texts[place].replaceAll(" ", "_") === wanted);
    if (alike.length !== 1) throw unknown(`labels.${wanted}`, texts.map((name) => `labels.${name}`));
    [text] = alike;
  }
  const count = table.countOf(text);
  return { type: "number", at: () => count };
}

/** A key of additional_info, or of an object in it; read once for each table. @returns {Column} */
function attribute(keys, table) {
  const known = table.page.attributes ?? [];
  // records have them there: a query of the dataset that these tags become means the same here
  if (keys.length === 1 && VERDICTS.includes(keys[0]) && !known.includes(keys[0])) return TAG_FIELDS[keys[0]](table);
  if (!known.includes(keys[0])) throw unknown(`attributes.${keys[0]}`, known.map((name) => `attributes.${name}`));
  const values = table.attribute(keys);
  return { type: "json", at: (tag) => (table.info[tag] < 0 ? null : values[table.info[tag]]) };
}

function inRatio(sure) {
  return sure !== null && sure >= 0 && sure <= 1 ? sure : null;
}

function unknown(name, known) {
  const near = known.map((one) => ({ one, steps: distance(name.toLowerCase(), one.toLowerCase()) })).sort((a, b) => a.steps - b.steps)[0];
  if (near && near.steps <= Math.max(2, name.length / 4)) return new QueryProblem(`unknown name ${name}: did you mean ${near.one}?`);
  const some = known.slice(0, 10).join(", ");
  return new QueryProblem(`unknown name ${name}: expected ${some || "none"}${known.length > 10 ? ", ..." : ""}; a text stands in single quotes`);
}

/** Letters to change, put in or leave out (Levenshtein). */
function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, n) => n);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      next.push(Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (one[i - 1] === other[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[other.length];
}
