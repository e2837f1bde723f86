// Preferences in localStorage, which may be unavailable to pages from disk.

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
    // without storage the choice is lost with the page
  }
}
