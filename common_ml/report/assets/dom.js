// DOM helpers. Text is always inserted as text nodes, never as HTML (no XSS).

/**
 * Elements of page.html that are more than an HTMLElement, by id.
 * @typedef {{
 *   boxes: HTMLCanvasElement, help: HTMLDialogElement, lanes: HTMLCanvasElement,
 *   mute: HTMLButtonElement, play: HTMLButtonElement, query: HTMLInputElement,
 *   "files-query": HTMLInputElement, histogram: HTMLCanvasElement, threshold: HTMLInputElement,
 *   export: HTMLDialogElement, "export-all": HTMLInputElement, "export-file": HTMLInputElement,
 *   note: HTMLInputElement, sort: HTMLSelectElement, speed: HTMLSelectElement, "step-back": HTMLButtonElement, "step-on": HTMLButtonElement,
 * }} Elements
 */

/**
 * The element of the page with this id, which must be there.
 * @template {string} Id
 * @param {Id} id
 * @returns {Id extends keyof Elements ? Elements[Id] : HTMLElement}
 */
export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/**
 * A new element: make("p", { className: "note" }, "text", child, ...).
 * Properties are set as properties, `data` as data attributes, `attr` as attributes.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, { data = {}, attr = {}, ...properties } = {}, ...children) {
  const element = document.createElement(name);
  Object.assign(element, properties);
  Object.assign(element.dataset, data);
  for (const [key, value] of Object.entries(attr)) element.setAttribute(key, value);
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

/**
 * The row of a list that an event happened in.
 * @param {Event} event
 * @returns {HTMLElement | null}
 */
export const rowOf = (event) =>
  event.target instanceof Element ? event.target.closest("[data-index]") : null;

/**
 * Runs a function at most once per animation frame.
 * @param {() => void} run
 */
export function oncePerFrame(run) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      run();
    });
  };
}

/**
 * A canvas of the size of its element, sharp on dense screens; its units are CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 */
export function fitCanvas(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * density)), Math.max(1, Math.round(height * density))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = context2d(canvas);
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

/**
 * The 2D context of a canvas.
 * @param {HTMLCanvasElement} canvas
 */
export const context2d = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
