// Names and signs of what may have changed between two runs.

/** Of a tag, by its number in the column `change`. */
export const CHANGES = ["same", "moved", "new", "gone"];

/** Sign of a change in lists. */
export const CHANGE_SIGNS = ["", "~", "+", "−"];
