// One colour per tag text, as far from its neighbours as can be, in light and dark.

const GOLDEN_ANGLE = 137.508; // degrees: no two of many steps come close to each other
const hues = new Map();

/** Tells the colours which theme they are for; by the page's own resolved scheme. */
export const theme = { isDark: false };

/** Degrees, by the place of the text among all texts of the page, in the alphabet's order. */
export function hue(text) {
  if (!hues.has(text)) hues.set(text, Math.round((250 + text * GOLDEN_ANGLE) % 360));
  return hues.get(text);
}

/** For bars: a ground that letters can be read on. */
export const barColour = (text) =>
  theme.isDark ? `oklch(0.46 0.11 ${hue(text)})` : `oklch(0.86 0.085 ${hue(text)})`;

/** For ticks, stripes and dots: strong. */
export const markColour = (text) =>
  theme.isDark ? `oklch(0.74 0.15 ${hue(text)})` : `oklch(0.6 0.17 ${hue(text)})`;

/** For boxes over pictures: bright in both themes. */
export const boxColour = (text) => `oklch(0.82 0.17 ${hue(text)})`;

/** A colour of the style sheet, such as "--ink", as canvas takes it. */
export function styleColour(name) {
  const probe = document.getElementById("tip");
  const before = probe.style.color;
  probe.style.color = `var(${name})`;
  const colour = getComputedStyle(probe).color;
  probe.style.color = before;
  return colour;
}
