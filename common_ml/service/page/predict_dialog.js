// Dialog to choose models and params for files, and to submit predictions.

import { make } from "/shared/dom.js";
import { counted } from "/shared/format.js";
import { ApiError, call, chunks, reasonOf } from "./api.js";
import { openDialog } from "./dialogs.js";
import { takes } from "./kinds.js";
import { ModelForm } from "./model_form.js";
import { note } from "./notes.js";
import { randomId } from "./words.js";

const FILES_AT_ONCE = 1000;

/**
 * @param {import("./kinds.js").FileDocument[]} files
 * @param {object} options
 * @param {import("./kinds.js").Model[]} options.models
 * @param {import("./predictions_store.js").PredictionsStore} options.store
 * @param {() => void} options.onDone
 */
export function choosePredictions(files, { models, store, onDone }) {
  const fitting = models.map((model) => ({ model, files: files.filter((file) => takes(model, file.kind)) })).filter((one) => one.files.length);
  const cards = fitting.map(({ model, files: fit }) => card(model, fit.length, files.length, fitting.length === 1));
  const problem = make("p", { className: "problem", hidden: true, attr: { role: "alert" } });
  const force = make("input", { type: "checkbox" });
  const priority = make("input", { type: "number", min: "-100", max: "100", step: "1", placeholder: "0" });
  const go = make("button", { className: "primary", type: "submit" });
  const form = make(
    "form",
    { className: "predict" },
    fitting.length ? make("div", { className: "cards" }, ...cards.map((one) => one.element)) : make("p", { className: "empty" }, models.length ? "No model takes files of these kinds." : "No worker has offered a model yet."),
    make("details", { className: "nested" }, make("summary", {}, "More"),
      make("label", { className: "field inline" }, make("span", {}, "Predict again what has results"), force),
      make("label", { className: "field" }, make("span", {}, "Priority, -100 to 100: higher ones are begun first"), priority)),
    problem,
    make("div", { className: "buttons end" }, go),
  );
  const dialog = openDialog(`Predict ${counted(files.length, "file")}`, form);
  dialog.classList.add("wide");
  const chosen = () => cards.filter((one) => one.tick.checked);
  const update = () => {
    const number = chosen().reduce((sum, one) => sum + one.fit, 0);
    go.textContent = number ? `Start ${counted(number, "prediction")}` : "Choose a model";
    go.disabled = !number;
  };
  form.addEventListener("change", update);
  update();
  form.onsubmit = async (event) => {
    event.preventDefault();
    if (!chosen().every((one) => one.form.check())) return;
    go.disabled = true;
    try {
      let number = 0;
      for (const one of chosen()) {
        const digests = fitting.find(({ model }) => model === one.model)?.files.map((file) => file.sha256) ?? [];
        for (const part of chunks(digests, FILES_AT_ONCE)) {
          const asked = store.now();
          const answer = await call("POST", "/v1/predictions", {
            files: part,
            models: [{ name: one.model.name, params: one.form.value() }],
            priority: Number(priority.value || 0),
            force: force.checked,
          }, { headers: { "idempotency-key": randomId() } });
          store.add(answer.predictions, asked);
          number += answer.predictions.length;
        }
        one.tick.checked = false; // submitted: a retry after an error of the next model must not submit it again
      }
      note(`${counted(number, "prediction")} asked for`);
      dialog.close();
      onDone();
    } catch (error) {
      complain(error, chosen(), problem);
      update();
    }
  };
}

function card(model, fit, all, isOnly) {
  const tick = make("input", { type: "checkbox", checked: isOnly });
  const form = new ModelForm(model.params, model.defaults);
  const params = make("div", { className: "params", hidden: !isOnly }, form.isEmpty ? make("p", { className: "minor" }, "This model has no params.") : form.element);
  tick.onchange = () => {
    params.hidden = !tick.checked;
  };
  const title = make("label", { className: "model-title" }, tick, make("b", {}, model.name),
    make("span", { className: "minor" }, `${model.type.join(", ")} · ${fit === all ? "fits" : `fits ${fit} of ${counted(all, "file")}`}`),
    model.available ? null : make("span", { className: "badge warn" }, "no worker now"));
  const element = make("section", { className: "card", data: { model: model.name } }, title, model.description ? make("p", { className: "minor" }, model.description) : null, params);
  return { model, tick, form, fit, element };
}

/** Shows each complaint beside its field, the others above the button. */
function complain(error, cards, problem) {
  const messages = error instanceof ApiError && error.errors.length ? error.errors.map((one) => (one.place ? `${one.message} @ ${one.place}` : one.message)) : [reasonOf(error)];
  let left = messages;
  for (const one of cards) {
    const prefix = `params of ${one.model.name}: `;
    const own = left.filter((message) => message.startsWith(prefix));
    left = [...left.filter((message) => !own.includes(message)), ...one.form.complain(own.map((message) => message.slice(prefix.length)))];
  }
  problem.textContent = left.join("\n");
  problem.hidden = !left.length;
}
