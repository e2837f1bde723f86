// Form generated from a JSON Schema: numbers, booleans, enums, strings, arrays and nested objects.

import { make } from "/shared/dom.js";

/**
 * @typedef {Record<string, any>} Schema
 * @typedef {{ element: HTMLElement, value: () => any }} Field `value` is undefined where nothing was entered
 */

const DEEPEST = 8;

export class ModelForm {
  /** @param {Schema} schema @param {Record<string, any>} [defaults] Of every prediction with the model. @param {Record<string, any>} [values] */
  constructor(schema, defaults = {}, values = {}) {
    this.root = schema;
    /** @type {Map<string, HTMLElement>} where complaints about a path are shown */
    this.places = new Map();
    this.field = this.#object(schema, "$", { ...defaults }, values, 0);
    this.element = this.field.element;
    this.isEmpty = !Object.keys(schema.properties ?? {}).length;
  }

  /** The values that differ from the defaults. @returns {Record<string, any>} */
  value() {
    return this.field.value() ?? {};
  }

  /** Whether the browser finds all inputs valid; shows what is not. */
  check() {
    const bad = [.../** @type {NodeListOf<HTMLInputElement>} */ (this.element.querySelectorAll("input, select, textarea"))].find((one) => !one.checkValidity());
    if (bad) unfold(bad);
    bad?.reportValidity();
    return !bad;
  }

  /** Shows complaints "what @ $.a.b[0]" beside their fields. @param {string[]} messages @returns {string[]} those without a field */
  complain(messages) {
    for (const place of this.places.values()) place.textContent = "";
    return messages.filter((message) => {
      const [, text, path] = /^(.*) @ (\S+)$/s.exec(message) ?? [];
      let known = path;
      while (known && !this.places.has(known)) known = known.replace(/(\.[^.[]*|\[\d+\])$/, "").replace(/^\$$/, "");
      const place = known ? this.places.get(known) : undefined;
      if (!place) return true;
      place.textContent = text;
      unfold(place);
      return false;
    });
  }

  /** @returns {Schema} */
  #resolved(schema) {
    let found = schema ?? {};
    for (let depth = 0; typeof found.$ref === "string" && depth < DEEPEST; depth += 1) {
      const { $ref, ...others } = found;
      found = { ...$ref.replace(/^#\//, "").split("/").reduce((node, key) => node?.[key], this.root), ...others };
    }
    const options = (found.anyOf ?? found.oneOf ?? []).filter((one) => one.type !== "null");
    if (options.length === 1) return this.#resolved({ ...options[0], ...without(found, "anyOf", "oneOf") });
    if (found.allOf?.length === 1) return this.#resolved({ ...found.allOf[0], ...without(found, "allOf") });
    if (Array.isArray(found.type)) {
      const types = found.type.filter((one) => one !== "null");
      if (types.length === 1) return { ...found, type: types[0] };
    }
    if (options.length > 1 && options.every((one) => one.const !== undefined)) return { ...found, enum: options.map((one) => one.const) };
    return found;
  }

  /** @returns {Field} */
  #any(given, path, inherited, value, depth, isRequired) {
    const schema = this.#resolved(given);
    const normal = inherited ?? schema.default;
    if (schema.const !== undefined) return choice([schema.const], normal, value, isRequired);
    if (schema.enum) return choice(schema.enum, normal, value, isRequired);
    if (schema.type === "boolean") return check(normal, value);
    if (schema.type === "integer" || schema.type === "number") return number(schema, normal, value, isRequired);
    if (schema.type === "string") return text(schema, normal, value, isRequired);
    if (schema.type === "array" && depth < DEEPEST) return this.#list(schema, path, normal, value, depth);
    if (schema.type === "object" && schema.properties && depth < DEEPEST) return this.#object(schema, path, normal ?? {}, value ?? {}, depth);
    const isTextToo = (schema.anyOf ?? schema.oneOf ?? []).some((one) => one.type === "string");
    return json(normal, value, isTextToo);
  }

  /** @returns {Field} */
  #object(schema, path, normal, values, depth) {
    const box = make("div", { className: "fields" });
    /** @type {Map<string, Field>} */
    const fields = new Map();
    for (const [name, given] of Object.entries(schema.properties ?? {})) {
      const inner = this.#resolved(given);
      const isRequired = (schema.required ?? []).includes(name);
      const place = `${path}.${name}`;
      const field = this.#any(given, place, normal[name], values[name], depth + 1, isRequired);
      fields.set(name, field);
      box.append(this.#labelled(name, inner, field, place, isRequired));
    }
    return {
      element: box,
      value: () => {
        const entries = [...fields].map(([name, field]) => [name, field.value()]).filter(([, one]) => one !== undefined);
        return entries.length ? Object.fromEntries(entries) : undefined;
      },
    };
  }

  #labelled(name, schema, field, path, isRequired) {
    const problem = make("p", { className: "problem", attr: { role: "alert" } });
    this.places.set(path, problem);
    const about = schema.description ? make("p", { className: "minor about" }, schema.description) : null;
    const title = schema.title && schema.title.toLowerCase().replaceAll(" ", "_") !== name.toLowerCase() ? schema.title : name;
    if (field.element.matches(".fields, .listed")) {
      const summary = make("summary", {}, title);
      return make("details", { className: "nested", data: { name: path } }, summary, about, field.element, problem);
    }
    const caption = make("span", { className: "caption" }, title, isRequired ? make("b", { title: "needed" }, " *") : null);
    const label = make("label", { data: { name: path }, className: field.element.matches("input[type=checkbox]") ? "field inline" : "field" }, caption, field.element);
    return make("div", {}, label, about, problem);
  }

  /** @returns {Field} */
  #list(schema, path, normal, values, depth) {
    const rows = make("div", { className: "rows" });
    /** @type {Field[]} */
    const fields = [];
    const start = values ?? normal ?? [];
    const add = (value) => {
      const field = this.#any(schema.items ?? {}, `${path}[${fields.length}]`, undefined, value, depth + 1, true);
      const remove = make("button", { type: "button", className: "ghost icon", attr: { "aria-label": "Remove" } }, "×");
      const row = make("div", { className: "row-field" }, field.element, remove);
      remove.onclick = () => {
        fields.splice(fields.indexOf(field), 1);
        row.remove();
        more.focus();
      };
      fields.push(field);
      rows.append(row);
      return field;
    };
    const more = make("button", { type: "button", className: "ghost" }, "+ Add");
    more.onclick = () => /** @type {HTMLElement | null} */ (focusable(add(undefined).element))?.focus();
    for (const value of start) add(value);
    return {
      element: make("div", { className: "listed" }, rows, more),
      value: () => {
        const found = fields.map((field) => field.value() ?? null);
        return same(found, normal ?? []) ? undefined : found;
      },
    };
  }
}

/** Opens all collapsed ancestors of an element. */
function unfold(element) {
  for (let parent = element.closest("details"); parent; parent = parent.parentElement.closest("details")) parent.open = true;
}

const focusable = (element) => (element.matches("input, select, textarea") ? element : element.querySelector("input, select, textarea, button"));
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const without = (object, ...names) => Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
const shownDefault = (normal) => (normal === undefined || normal === null ? "" : String(normal));

/** @returns {Field} */
function check(normal, value) {
  const input = make("input", { type: "checkbox", checked: Boolean(value ?? normal) });
  return { element: input, value: () => (input.checked === Boolean(normal) ? undefined : input.checked) };
}

/** @returns {Field} */
function choice(values, normal, value, isRequired) {
  const select = make("select", { required: isRequired && normal === undefined });
  if (normal === undefined || normal === null) select.append(make("option", { value: "" }, "not set"));
  values.forEach((one, place) => {
    select.append(make("option", { value: String(place + 1), selected: same(one, value ?? normal) }, one === null ? "none" : String(one), same(one, normal) ? " (default)" : null));
  });
  return {
    element: select,
    value: () => {
      const chosen = values[Number(select.value) - 1];
      return select.value === "" || same(chosen, normal) ? undefined : chosen;
    },
  };
}

/** @returns {Field} */
function number(schema, normal, value, isRequired) {
  const input = make("input", {
    type: "number",
    step: schema.type === "integer" ? String(schema.multipleOf ?? 1) : "any",
    value: shownDefault(value),
    placeholder: shownDefault(normal),
    required: isRequired && normal === undefined,
  });
  if (schema.minimum !== undefined) input.min = String(schema.minimum);
  if (schema.maximum !== undefined) input.max = String(schema.maximum);
  input.oninput = () => {
    const entered = input.valueAsNumber;
    const isBelow = schema.exclusiveMinimum !== undefined && entered <= schema.exclusiveMinimum;
    const isAbove = schema.exclusiveMaximum !== undefined && entered >= schema.exclusiveMaximum;
    input.setCustomValidity(isBelow ? `must be more than ${schema.exclusiveMinimum}` : isAbove ? `must be less than ${schema.exclusiveMaximum}` : "");
  };
  return { element: input, value: () => (input.value === "" || Number(input.value) === normal ? undefined : Number(input.value)) };
}

/** @returns {Field} */
function text(schema, normal, value, isRequired) {
  const input = make("input", { type: "text", value: shownDefault(value), placeholder: shownDefault(normal), required: isRequired && normal === undefined, autocomplete: "off" });
  if (schema.maxLength !== undefined) input.maxLength = schema.maxLength;
  if (schema.minLength !== undefined) input.minLength = schema.minLength;
  return { element: input, value: () => (input.value === "" || input.value === normal ? undefined : input.value) };
}

/** A JSON input for other types; strings need no quotes where they are allowed. @returns {Field} */
function json(normal, value, isTextToo) {
  const area = make("textarea", { rows: isTextToo ? 1 : 2, spellcheck: false, value: value === undefined ? "" : JSON.stringify(value), placeholder: normal === undefined ? "" : JSON.stringify(normal) });
  const parsed = () => {
    const entered = area.value.trim();
    if (!entered) return undefined;
    try {
      return JSON.parse(entered);
    } catch (error) {
      if (isTextToo) return entered;
      throw error;
    }
  };
  area.oninput = () => {
    try {
      parsed();
      area.setCustomValidity("");
    } catch {
      area.setCustomValidity("This is not JSON.");
    }
  };
  return { element: area, value: parsed };
}
