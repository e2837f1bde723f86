// Account view: API keys, sessions, password, webhooks.

import { make } from "/shared/dom.js";
import { all, call, reasonOf } from "./api.js";
import { showSecret } from "./dialogs.js";
import { note } from "./notes.js";
import { form, table } from "./tables.js";
import { Webhooks } from "./webhooks.js";
import { moment } from "./words.js";

export class AccountView {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    this.keys = make("div", {});
    this.webhooks = app.session.may("hooks") ? new Webhooks() : null;
    this.element = make("section", { id: "account-view", className: "page", attr: { "aria-label": "Account" } });
    this.#build();
  }

  #build() {
    const { profile } = this.app.session;
    const name = make("input", { required: true, maxLength: 200, autocomplete: "off", placeholder: "laptop" });
    const days = make("input", { type: "number", min: "1", max: "3650", placeholder: "never" });
    const rights = profile.rights.map((right) => make("input", { type: "checkbox", value: right, checked: true }));
    const picks = make("fieldset", { className: "choose" }, make("legend", {}, "May"), ...rights.map((input) => make("label", { className: "field inline" }, input, make("span", {}, input.value))));
    const make_key = form([["Name", name], ["Days until it expires", days]], "Make a key", async () => {
      const chosen = rights.filter((input) => input.checked).map((input) => input.value);
      const made = await call("POST", "/v1/tokens", { name: name.value.trim(), rights: chosen.length === rights.length ? null : chosen, days: days.value ? Number(days.value) : null });
      showSecret("The new key", "Keep it now: it is not shown again.", made.token);
      await this.update();
    });
    make_key.insertBefore(picks, make_key.querySelector("button"));
    const current = make("input", { type: "password", autocomplete: "current-password" });
    const fresh = make("input", { type: "password", required: true, minLength: 8, autocomplete: "new-password" });
    const change = form([["Current password", current], ["New password", fresh]], "Change password", async () => {
      await call("PATCH", "/v1/users/me", { current_password: current.value, password: fresh.value });
      await call("POST", "/v1/session", { username: profile.username, password: fresh.value }); // all sessions ended
      note("The password is changed; other sessions have ended");
    });
    change.prepend(make("input", { hidden: true, name: "username", value: profile.username, autocomplete: "username" })); // for password managers
    this.element.replaceChildren(make("h2", {}, profile.username), make("p", { className: "minor" }, `${profile.roles.join(", ")}: may ${profile.rights.join(", ")}`),
      ...(this.app.session.may("keys") ? [make("h3", {}, "API keys"), make("p", { className: "minor" }, "For programs. The secret is shown once, when the key is made."), make_key, this.keys] : []),
      this.webhooks?.element ?? "",
      make("h3", {}, "Password"), change);
  }

  async update() {
    await Promise.all([this.#updateKeys(), this.webhooks?.update()]);
  }

  async #updateKeys() {
    if (!this.app.session.may("keys")) return;
    const keys = await all("/v1/tokens");
    this.keys.replaceChildren(table("API keys", ["Name", "Kind", "May", "Made", "Used", "Expires", ""], keys.map((key) => [
      key.name || key.id, key.kind, key.rights.join(", "), moment(key.created_at), moment(key.used_at) || "never", moment(key.expires_at) || "never",
      make("button", { attr: { "aria-label": `Revoke ${key.name || key.id}` }, onclick: () => this.#revoke(key) }, "Revoke"),
    ]), "No keys."));
  }

  async #revoke(key) {
    try {
      await call("DELETE", `/v1/tokens/${key.id}`);
      await this.update();
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    }
  }
}
