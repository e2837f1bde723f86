// Live page of a server: polls for new data, and sends verdicts immediately.

const EVERY_MS = 2000;

/**
 * Keeps the page up to date while a run goes on.
 * @param {import("./state.js").State} state
 * @param {import("./verdicts.js").Verdicts} verdicts
 * @param {(page: import("./state.js").PageData, source: Document) => void} takeOver Called with a newer page.
 */
export function keepLive(state, verdicts, takeOver) {
  if (!state.page.live) return;
  verdicts.send = (line) => fetch("verdicts", { method: "POST", headers: { "Content-Type": "application/json" }, body: line }).then(({ ok }) => ok, () => false);
  const look = async () => {
    const version = await fetch("version", { cache: "no-store" }).then((answer) => answer.json(), () => null); // the server may be gone
    if (version !== null && version !== state.page.version) {
      const newer = await fetchPage();
      if (newer) takeOver(newer.page, newer.source);
    }
    setTimeout(look, EVERY_MS);
  };
  setTimeout(look, EVERY_MS);
}

/** The page as the server makes it now; null while it cannot. */
async function fetchPage() {
  const answer = await fetch(location.pathname, { cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return null; // a run may be replacing the tags file
  const source = new DOMParser().parseFromString(await answer.text(), "text/html"); // none of its scripts run
  const data = source.getElementById("page-data");
  return data ? { page: JSON.parse(data.textContent ?? ""), source } : null;
}
