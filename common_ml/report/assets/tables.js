// Cache of the tables of all files, parsed on first use.

import { TagTable } from "./table.js";

const NAMES = ["start", "end", "text", "track", "frame", "box", "corners", "sure", "info", "infos", "vector", "verdicts"];

export class Tables {
  /**
   * @param {import("./state.js").PageData} page
   * @param {Document} source Holds the elements with the tags.
   */
  constructor(page, source = document) {
    this.page = page;
    this.source = source;
    /** @type {Map<number, TagTable>} */
    this.made = new Map();
  }

  /**
   * The tags of a file.
   * @param {number} place
   * @returns {TagTable}
   */
  of(place) {
    let table = this.made.get(place);
    if (!table) {
      const element = this.source.getElementById(`tags-${place}`);
      const columns = element ? JSON.parse(element.textContent ?? "") : Object.fromEntries(NAMES.map((name) => [name, []]));
      table = new TagTable(columns, this.page);
      this.made.set(place, table);
    }
    return table;
  }
}
