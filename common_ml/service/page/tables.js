// HTML tables and forms.

import { make } from "/shared/dom.js";

/**
 * @param {string} label
 * @param {string[]} heads
 * @param {(string | Node | null)[][]} rows
 * @param {string} whenEmpty
 */
export function table(label, heads, rows, whenEmpty) {
  if (!rows.length) return make("p", { className: "empty" }, whenEmpty);
  return make("div", { className: "table", tabIndex: 0, attr: { role: "region", "aria-label": label } },
    make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head || make("span", { className: "unseen" }, "Actions"))))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, cell)))))));
}

/** A form of labelled inputs that shows its own errors. */
export function form(fields, button, run) {
  const problem = make("p", { className: "problem", hidden: true, attr: { role: "alert" } });
  const submit = make("button", { className: "primary", type: "submit" }, button);
  const element = make("form", { className: "inline-form" }, ...fields.map(([label, input]) => make("label", { className: "field" }, make("span", {}, label), input)), submit, problem);
  element.onsubmit = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    problem.hidden = true;
    try {
      await run();
      element.reset();
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
    } finally {
      submit.disabled = false;
    }
  };
  return element;
}
