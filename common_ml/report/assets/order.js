// Sort orders of the list of tags.

/** Order -> what the page calls it. */
export const ORDERS = {
  ranges: "Time ranges first",
  time: "By time",
  surest: "Most confident first",
  unsure: "Least confident first",
  label: "By label",
  longest: "Longest first",
};

/**
 * Tags in an order.
 * @param {import("./table.js").TagTable} table
 * @param {Uint32Array} tags By time.
 * @param {string} order A key of ORDERS.
 * @returns {{ list: Uint32Array, lead: number }} `lead`: how many of the first ones are by time.
 */
export function listed(table, tags, order) {
  if (order === "time") return { list: tags, lead: tags.length };
  if (order === "ranges") return rangesFirst(table, tags);
  const { sure, text, start, end } = table;
  const keys = {
    surest: (tag) => -(sure[tag] ?? -1),
    unsure: (tag) => sure[tag] ?? Infinity,
    label: (tag) => text[tag], // numbered in the order of the alphabet
    longest: (tag) => start[tag] - end[tag],
  }[order];
  if (!keys) return { list: tags, lead: tags.length };
  const byTag = new Float64Array(table.size);
  for (const tag of tags) byTag[tag] = keys(tag);
  return { list: tags.slice().sort((one, other) => byTag[one] - byTag[other] || one - other), lead: 0 };
}

function rangesFirst(table, tags) {
  const list = new Uint32Array(tags.length);
  let lead = 0;
  for (const tag of tags) if (!table.isFrame(tag)) list[lead++] = tag;
  let place = lead;
  for (const tag of tags) if (table.isFrame(tag)) list[place++] = tag;
  return { list, lead: lead || tags.length };
}
