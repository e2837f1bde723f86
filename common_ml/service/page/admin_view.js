// Administration view: users, workers, statistics, audit log.

import { make } from "/shared/dom.js";
import { count } from "/shared/format.js";
import { address, all, call, reasonOf } from "./api.js";
import { confirmed, openDialog } from "./dialogs.js";
import { note } from "./notes.js";
import { form, table } from "./tables.js";
import { show, shown } from "./view_state.js";
import { moment } from "./words.js";

const TABS = ["users", "workers", "numbers", "audit"];
const ROLES = ["investigator", "researcher", "admin"];

export class AdminView {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    this.tabs = make("div", { className: "choices", attr: { role: "radiogroup", "aria-label": "Administration" } },
      ...TABS.map((tab) => make("button", { attr: { role: "radio" }, data: { tab }, onclick: () => show({ state: tab }) }, tab)));
    this.body = make("div", { attr: { "aria-live": "polite" } });
    this.element = make("section", { id: "admin-view", className: "page", attr: { "aria-label": "Administration" } }, this.tabs, this.body);
  }

  async update() {
    const tab = TABS.find((one) => one === shown().state) ?? "users";
    for (const button of this.tabs.querySelectorAll("button")) button.setAttribute("aria-checked", String(button.dataset.tab === tab));
    try {
      const content = await { users: () => this.#users(), workers: () => this.#workers(), numbers: () => this.#numbers(), audit: () => this.#audit("") }[tab]?.();
      this.body.replaceChildren(...(content ?? []));
    } catch (error) {
      this.body.replaceChildren(make("p", { className: "problem" }, reasonOf(error)));
    }
  }

  async #users() {
    const users = await all("/v1/users");
    const name = make("input", { required: true, pattern: "[A-Za-z0-9._@\\-]{1,100}", title: "letters, digits, . _ @ -", autocomplete: "off", name: "new-username" });
    const password = make("input", { type: "password", required: true, minLength: 8, autocomplete: "new-password", name: "new-password" });
    const role = make("select", { name: "new-role" }, ...ROLES.map((one) => make("option", {}, one)));
    const add = form([["User name", name], ["Password, at least 8 characters", password], ["Role", role]], "Add user", async () => {
      await call("POST", "/v1/users", { username: name.value, password: password.value, roles: [role.value] });
      note(`${name.value} is added`);
      await this.update();
    });
    return [add, table("Users", ["Name", "Roles", "State", "Since", ""], users.map((user) => [
      user.username, user.roles.join(", "), user.disabled ? "disabled" : "active", moment(user.created_at),
      make("button", { attr: { "aria-label": `Change ${user.username}` }, onclick: () => this.#change(user) }, "Change"),
    ]), "No users.")];
  }

  #change(user) {
    const roles = ROLES.map((one) => make("input", { type: "checkbox", value: one, checked: user.roles.includes(one) }));
    const disabled = make("input", { type: "checkbox", checked: user.disabled });
    const password = make("input", { type: "password", minLength: 8, autocomplete: "new-password" });
    const isSelf = user.username === this.app.session.profile.username;
    const save = form([["New password; leave empty to keep the current one", password]], "Save", async () => {
      const changes = { roles: roles.filter((input) => input.checked).map((input) => input.value), disabled: disabled.checked };
      await call("PATCH", `/v1/users/${encodeURIComponent(user.username)}`, password.value ? { ...changes, password: password.value } : changes);
      dialog.close();
      await this.update();
    });
    save.prepend(make("fieldset", { className: "choose" }, make("legend", {}, "Roles"), ...roles.map((input) => make("label", { className: "field inline" }, input, make("span", {}, input.value)))),
      make("label", { className: "field inline" }, disabled, make("span", {}, "Disabled: cannot log in")));
    const remove = make("button", { type: "button", className: "bad", hidden: isSelf, onclick: async () => {
      if (!(await confirmed(`Remove ${user.username}?`, "With all files and results that nobody else has.", "Remove"))) return;
      await call("DELETE", `/v1/users/${encodeURIComponent(user.username)}`).catch((error) => note(reasonOf(error), { isBad: true }));
      dialog.close();
      await this.update();
    } }, "Remove user…");
    const dialog = openDialog(`User ${user.username}`, save, make("div", { className: "buttons" }, remove));
  }

  async #workers() {
    const workers = await all("/v1/workers");
    return [table("Workers", ["Machine", "Process", "Models, files at once", "Running", "Since", "Seen", "State"], workers.map((one) => [
      one.host, String(one.pid), Object.entries(one.models).map(([name, slots]) => `${name} ${slots}`).join(", "), count(one.running), moment(one.started_at), moment(one.seen_at), one.alive ? "alive" : "gone",
    ]), "No worker runs.")];
  }

  async #numbers() {
    const numbers = await call("GET", "/v1/stats");
    return [make("dl", { className: "numbers" }, ...flat(numbers).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, typeof value === "number" ? count(value) : String(value))]))];
  }

  async #audit(cursor) {
    const page = await call("GET", address("/v1/audit", { limit: 100, cursor }));
    const rows = page.items.map((one) => [moment(one.created_at), one.username, one.action, one.object, Object.keys(one.data).length ? JSON.stringify(one.data) : ""]);
    const more = page.next ? make("button", {}, "Older") : "";
    if (more) more.onclick = async () => more.replaceWith(...(await this.#audit(page.next)));
    return [table("Audit log", ["Time", "User", "Action", "Object", "Details"], rows, "Nothing yet."), more];
  }
}

/** Nested numbers as "a, b": value. @returns {[string, unknown][]} */
function flat(value, name = "") {
  if (Array.isArray(value)) return value.flatMap((one, place) => flat(one, `${name} ${one?.name ?? one?.model ?? place + 1}`.trim()));
  if (value !== null && typeof value === "object") return Object.entries(value).flatMap(([key, one]) => flat(one, [name, key.replaceAll("_", " ")].filter(Boolean).join(", ")));
  return [[name, value]];
}
