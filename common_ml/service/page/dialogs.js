// Dialogs: a title, content, buttons.

import { make } from "/shared/dom.js";

/**
 * Opens a dialog; it is removed when it is closed.
 * @param {string} title
 * @param {...(Node | string | null)} children
 */
export function openDialog(title, ...children) {
  const close = make("button", { type: "button", className: "ghost icon", attr: { "aria-label": "Close" } }, "×");
  const dialog = make("dialog", { attr: { "aria-label": title } }, make("header", {}, make("h2", {}, title), close), ...children);
  close.onclick = () => dialog.close();
  dialog.onclose = () => dialog.remove();
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Asks for confirmation of an irreversible action. @returns {Promise<boolean>} */
export function confirmed(title, about, button) {
  return new Promise((done) => {
    const go = make("button", { className: "primary bad", type: "button" }, button);
    const stop = make("button", { type: "button" }, "Keep");
    const dialog = openDialog(title, make("p", {}, about), make("div", { className: "buttons end" }, stop, go));
    go.onclick = () => {
      done(true);
      dialog.close();
    };
    stop.onclick = () => dialog.close();
    dialog.addEventListener("close", () => done(false));
  });
}

/** Shows a secret once, to be copied. */
export function showSecret(title, about, secret) {
  const output = make("output", { className: "mono secret" }, secret);
  const copy = make("button", { className: "primary", type: "button" }, "Copy");
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      copy.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(output); // the clipboard is unavailable without HTTPS
      copy.textContent = "Selected: press Ctrl C";
    }
  };
  openDialog(title, make("p", {}, about), output, make("div", { className: "buttons end" }, copy));
}
