// Session: login form, one-time link, and the initial password.

import { make } from "/shared/dom.js";
import { AWAY, ApiError, call, pause, reasonOf } from "./api.js";

/** @typedef {{ username: string, roles: string[], rights: string[], has_password: boolean }} Profile */

const SHORTEST = 8;
const AGAIN = 2000; // ms, while the server is away

export class Session {
  constructor() {
    /** @type {Profile} */
    this.profile = { username: "", roles: [], rights: [], has_password: true };
  }

  /** Whether the session has a right. */
  may(right) {
    return this.profile.rights.includes(right);
  }

  /** Resolves when somebody is logged in. @param {HTMLElement} root Where forms are shown. */
  async begin(root) {
    this.profile = (await this.#byLink(root)) ?? (await this.#byCookie()) ?? (await this.#byPassword(root));
    if (!this.profile.has_password) await this.#choosePassword(root);
    root.replaceChildren();
  }

  async end() {
    await call("DELETE", "/v1/session");
    location.assign("/");
  }

  async #byLink(root) {
    const token = new URLSearchParams(location.hash.slice(1)).get("setup");
    if (!token) return null;
    history.replaceState(null, "", location.pathname + location.search); // not kept in the history
    try {
      return await call("POST", "/v1/session", { setup: token });
    } catch (error) {
      if (!(error instanceof ApiError) || !error.status) throw error;
      const known = await this.#byCookie();
      return known ?? this.#byPassword(root, `${reasonOf(error)} The link works once.`);
    }
  }

  async #byCookie() {
    for (;;) {
      try {
        return await call("GET", "/v1/session");
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401) return null;
        if (!AWAY.includes(error.status)) throw error;
        await pause(AGAIN); // retry, so that no reload is needed once the server is back
      }
    }
  }

  /** @returns {Promise<Profile>} */
  #byPassword(root, problem = "") {
    const name = make("input", { name: "username", required: true, autocomplete: "username", attr: { autocapitalize: "none", spellcheck: "false" } });
    const password = make("input", { name: "password", type: "password", required: true, autocomplete: "current-password" });
    return ask(root, {
      title: "Log in",
      fields: [["User name", name], ["Password", password]],
      button: "Log in",
      problem,
      run: () => call("POST", "/v1/session", { username: name.value.trim(), password: password.value }),
    });
  }

  async #choosePassword(root) {
    const hidden = make("input", { name: "username", value: this.profile.username, autocomplete: "username", hidden: true });
    const password = make("input", { name: "password", type: "password", required: true, minLength: SHORTEST, autocomplete: "new-password" });
    const again = make("input", { name: "again", type: "password", required: true, minLength: SHORTEST, autocomplete: "new-password" });
    await ask(root, {
      title: "Choose a password",
      about: `For the user ${this.profile.username}. The link that brought you here does not work again.`,
      fields: [["", hidden], [`Password, at least ${SHORTEST} characters`, password], ["The same again", again]],
      button: "Set password",
      problem: "",
      run: async () => {
        if (password.value !== again.value) throw new Error("The two passwords differ.");
        await call("PATCH", "/v1/users/me", { password: password.value });
        // a new password ends all sessions, this one too
        this.profile = await call("POST", "/v1/session", { username: this.profile.username, password: password.value });
      },
    });
  }
}

/** A form on its own page; resolves with the answer of `run` once it succeeds. */
function ask(root, { title, about = "", fields, button, problem, run }) {
  const message = make("p", { className: "problem", hidden: !problem, attr: { role: "alert" } }, problem);
  const submit = make("button", { className: "primary", type: "submit" }, button);
  const form = make(
    "form",
    { className: "login panel" },
    make("h1", { className: "brand" }, "common-ml"),
    make("h2", {}, title),
    about ? make("p", { className: "minor" }, about) : null,
    ...fields.map(([label, input]) => (label ? make("label", {}, make("span", {}, label), input) : input)),
    message,
    submit,
  );
  root.replaceChildren(form);
  /** @type {HTMLElement | null} */ (form.querySelector("input:not([hidden])"))?.focus();
  return new Promise((done) => {
    form.onsubmit = async (event) => {
      event.preventDefault();
      submit.disabled = true;
      try {
        done(await run());
      } catch (error) {
        message.textContent = reasonOf(error);
        message.hidden = false;
        submit.disabled = false;
        /** @type {HTMLElement | null} */ (form.querySelector("input[type=password]"))?.focus();
      }
    };
  });
}
