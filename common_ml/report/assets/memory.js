// What the browser remembers from page to page; pages from disk may have no memory.

/** @param {string} name @returns {string | null} */
export function recall(name) {
  try {
    return localStorage.getItem(`common-ml-${name}`);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} text */
export function remember(name, text) {
  try {
    localStorage.setItem(`common-ml-${name}`, text);
  } catch {
    // the choice then lasts as long as the page
  }
}
