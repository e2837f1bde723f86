// The user's webhooks and their deliveries.

import { make } from "/shared/dom.js";
import { count } from "/shared/format.js";
import { all, call, reasonOf } from "./api.js";
import { confirmed, openDialog, showSecret } from "./dialogs.js";
import { note } from "./notes.js";
import { form, table } from "./tables.js";
import { moment } from "./words.js";

const EVENTS = ["queued", "running", "done", "failed", "cancelled"].map((state) => `prediction.${state}`);
const USUAL = ["prediction.done", "prediction.failed"];

export class Webhooks {
  constructor() {
    this.list = make("div", { id: "webhooks" });
    const url = make("input", { type: "url", required: true, maxLength: 2000, autocomplete: "off", placeholder: "https://example.org/hook", name: "webhook-url" });
    const events = EVENTS.map((event) => make("input", { type: "checkbox", value: event, defaultChecked: USUAL.includes(event) }));
    const add = form([["Address", url]], "Add webhook", async () => {
      const made = await call("POST", "/v1/webhooks", { url: url.value.trim(), events: events.filter((input) => input.checked).map((input) => input.value) });
      showSecret("The webhook's secret", "It signs the calls. Keep it now: it is not shown again.", made.secret);
      await this.update();
    });
    add.insertBefore(make("fieldset", { className: "choose" }, make("legend", {}, "Calls for"), ...events.map((input) => make("label", { className: "field inline" }, input, make("span", {}, input.value.replace("prediction.", ""))))), add.querySelector("button"));
    this.element = make("section", { attr: { "aria-label": "Webhooks" } }, make("h3", {}, "Webhooks"),
      make("p", { className: "minor" }, "A URL of yours that is called when one of your predictions reaches these states. Calls are signed, and retried while they fail."), add, this.list);
  }

  async update() {
    const hooks = await all("/v1/webhooks");
    this.list.replaceChildren(table("Webhooks", ["Address", "Calls for", "Made", "Failed in a row", ""], hooks.map((hook) => [
      make("span", { className: "mono" }, hook.url), hook.events.map((event) => event.replace("prediction.", "")).join(", "), moment(hook.created_at), count(hook.failures),
      make("div", { className: "line" },
        make("button", { attr: { "aria-label": `Calls of ${hook.url}` }, onclick: () => this.#showCalls(hook) }, "Calls"),
        make("button", { attr: { "aria-label": `Remove ${hook.url}` }, onclick: () => this.#remove(hook) }, "Remove")),
    ]), "No webhooks."));
  }

  async #showCalls(hook) {
    const content = make("div", { attr: { "aria-live": "polite" } });
    const read = async () => {
      try {
        const { items } = await call("GET", `/v1/webhooks/${hook.id}/deliveries?limit=50`);
        content.replaceChildren(table("The latest calls", ["When", "State", "Attempts", "Error"], items.map((one) => [moment(one.created_at), one.state, count(one.attempts), one.error ?? ""]), "No calls yet."));
      } catch (error) {
        content.replaceChildren(make("p", { className: "problem" }, reasonOf(error)));
      }
    };
    await read();
    openDialog(`Calls of ${hook.url}`, content, make("div", { className: "buttons end" }, make("button", { type: "button", onclick: read }, "Read again"))).classList.add("wide");
  }

  async #remove(hook) {
    if (!(await confirmed("Remove the webhook?", `${hook.url} is not called any more; calls that wait go with it.`, "Remove"))) return;
    try {
      await call("DELETE", `/v1/webhooks/${hook.id}`);
    } catch (error) {
      note(reasonOf(error), { isBad: true });
    }
    await this.update();
  }
}
