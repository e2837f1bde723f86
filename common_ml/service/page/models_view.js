// Models view: inputs, outputs and queue of each model.

import { make } from "/shared/dom.js";
import { count } from "/shared/format.js";
import { show } from "./view_state.js";
import { moment } from "./words.js";

export class ModelsView {
  /** @param {import("./main.js").App} app */
  constructor(app) {
    this.app = app;
    this.element = make("section", { id: "models-view", className: "page", attr: { "aria-label": "Models" } });
  }

  async update() {
    this.draw();
    await this.app.loadModels();
    this.draw();
  }

  draw() {
    const { models } = this.app;
    this.element.replaceChildren(make("h2", {}, "Models"),
      models.length ? make("div", { className: "cards" }, ...models.map(card)) : make("p", { className: "empty" }, "No worker has offered a model yet: name one to `common-ml serve`, or start `common-ml worker`."));
  }
}

function card(model) {
  const params = Object.entries(model.params?.properties ?? {});
  return make("section", { className: "card", data: { model: model.name } },
    make("div", { className: "line" }, make("h3", {}, model.name), make("span", { className: "minor" }, model.type.join(", ")), make("span", { className: "gap" }), make("span", { className: model.available ? "badge good" : "badge warn" }, model.available ? "available" : "no worker now")),
    model.description ? make("p", {}, model.description) : null,
    model.tags.length ? make("p", { className: "line wrap" }, ...model.tags.map((tag) => make("span", { className: "badge" }, tag))) : null,
    make("dl", {}, make("dt", {}, "Waiting, running"), make("dd", {}, `${count(model.queued)}, ${count(model.running)}`), make("dt", {}, "Files at once"), make("dd", {}, `${model.slots} a worker`),
      make("dt", {}, "Revision"), make("dd", { className: "mono" }, model.revision.slice(0, 24)), make("dt", {}, "Seen"), make("dd", {}, moment(model.seen_at))),
    params.length ? make("details", { className: "nested" }, make("summary", {}, `Params: ${params.map(([name]) => name).join(", ")}`),
      make("dl", {}, ...params.flatMap(([name, schema]) => [make("dt", {}, name), make("dd", {}, /** @type {any} */ (schema).description ?? /** @type {any} */ (schema).type ?? "")]))) : null,
    make("div", { className: "buttons" }, make("button", { onclick: () => show({ view: "files", model: model.name }) }, "Files"), make("button", { onclick: () => show({ view: "queue", model: model.name }) }, "Predictions")));
}
