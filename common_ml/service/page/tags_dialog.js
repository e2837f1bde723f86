// Dialog for manual tags of files, and for sharing files with roles.

import { make } from "/shared/dom.js";
import { counted } from "/shared/format.js";
import { call, chunks, reasonOf } from "./api.js";
import { openDialog } from "./dialogs.js";

const AT_ONCE = 1000;
const ROLES = ["investigator", "researcher"];
const split = (text) => [...new Set(text.split(",").map((one) => one.trim()).filter(Boolean))];

/**
 * @param {import("./kinds.js").FileDocument[]} files
 * @param {{ isAdmin: boolean, models: unknown, onDone: () => void }} options
 */
export function editTags(files, { onDone }) {
  const tags = [...new Set(files.flatMap((file) => file.tags))].sort();
  const add = make("input", { type: "text", placeholder: "checked, night", autocomplete: "off", name: "add" });
  const removed = tags.map((tag) => make("input", { type: "checkbox", value: tag, checked: true }));
  const roles = ROLES.map((role) => {
    const number = files.filter((file) => file.tag_roles.includes(role)).length;
    const input = make("input", { type: "checkbox", value: role, checked: number === files.length, indeterminate: number > 0 && number < files.length });
    input.dataset.before = input.indeterminate ? "some" : String(input.checked);
    return input;
  });
  const problem = make("p", { className: "problem", hidden: true, attr: { role: "alert" } });
  const form = make("form", {},
    make("label", { className: "field" }, make("span", {}, "Add tags, with commas between"), add),
    tags.length ? make("fieldset", {}, make("legend", {}, "Keep"), ...removed.map((input) => make("label", { className: "field inline" }, input, make("span", {}, input.value)))) : null,
    make("fieldset", {}, make("legend", {}, "Open to everybody of the role"), ...roles.map((input) => make("label", { className: "field inline" }, input, make("span", {}, input.value)))),
    problem,
    make("div", { className: "buttons end" }, make("button", { className: "primary", type: "submit" }, "Save")));
  const dialog = openDialog(`Tags and roles of ${counted(files.length, "file")}`, form);
  add.focus();
  form.onsubmit = async (event) => {
    event.preventDefault();
    const isChanged = (input, wanted) => input.checked === wanted && !input.indeterminate && input.dataset.before !== String(wanted);
    const changes = [
      ["/v1/tags", split(add.value), removed.filter((input) => !input.checked).map((input) => input.value)],
      ["/v1/tag-roles", roles.filter((input) => isChanged(input, true)).map((input) => input.value), roles.filter((input) => isChanged(input, false)).map((input) => input.value)],
    ];
    try {
      for (const [path, added, gone] of changes) {
        if (!added.length && !gone.length) continue;
        for (const part of chunks(files.map((file) => file.sha256), AT_ONCE)) await call("POST", String(path), { files: part, add: added, remove: gone });
      }
      dialog.close();
      onDone();
    } catch (error) {
      problem.textContent = reasonOf(error);
      problem.hidden = false;
    }
  };
}
