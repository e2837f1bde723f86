// Elements. Text only ever becomes text: nothing here, or anywhere else, writes HTML.

/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/**
 * A new element: make("p", { className: "note" }, "text", child, ...).
 * Properties are set as properties, `data` as data attributes, `attr` as attributes.
 */
export function make(name, { data = {}, attr = {}, ...properties } = {}, ...children) {
  const element = document.createElement(name);
  Object.assign(element, properties);
  Object.assign(element.dataset, data);
  for (const [key, value] of Object.entries(attr)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Runs a function at most once before the next picture is painted. */
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

/** A canvas of the size of its element, sharp on dense screens; its units are CSS pixels. */
export function fitCanvas(canvas, width, height) {
  const density = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * density)), Math.max(1, Math.round(height * density))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(density, 0, 0, density, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
