// Colours of tag texts, with maximally distinct hues of neighbours, in light and dark themes.

import { byId } from "./dom.js";

const GOLDEN_ANGLE = 137.508; // degrees: many steps stay well separated
const hues = new Map();

/** Sets the theme of the colours, from the page's resolved colour scheme. */
export const theme = { isDark: false };

/** Degrees and strength of what changed: the same, moved, new, gone; as -1, -2, ... */
const CHANGE_HUES = [[260, 0.15], [75, 1], [150, 1], [25, 1]];

/** Degrees, by the place of the text among all texts of the page, in the alphabet's order; or of a change. */
export function hue(text) {
  if (text < 0) return CHANGE_HUES[-1 - text][0];
  if (!hues.has(text)) hues.set(text, Math.round((250 + text * GOLDEN_ANGLE) % 360));
  return hues.get(text);
}

const chroma = (text, most) => (text < 0 ? CHANGE_HUES[-1 - text][1] * most : most);

/** Background colour of bars, with enough contrast for text. */
export const barColour = (text) =>
  theme.isDark ? `oklch(0.46 ${chroma(text, 0.11)} ${hue(text)})` : `oklch(0.86 ${chroma(text, 0.085)} ${hue(text)})`;

/** Saturated colour of ticks, stripes and dots. */
export const markColour = (text) =>
  theme.isDark ? `oklch(0.74 ${chroma(text, 0.15)} ${hue(text)})` : `oklch(0.6 ${chroma(text, 0.17)} ${hue(text)})`;

/** Colour of boxes over pictures, bright in both themes. */
export const boxColour = (text) => `oklch(0.82 ${chroma(text, 0.17)} ${hue(text)})`;

/** A colour of the style sheet, such as "--ink", as canvas takes it. */
export function styleColour(name) {
  const probe = byId("tip");
  const before = probe.style.color;
  probe.style.color = `var(${name})`;
  const colour = getComputedStyle(probe).color;
  probe.style.color = before;
  return colour;
}
