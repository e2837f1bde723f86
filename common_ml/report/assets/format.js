// Formatting of times, counts and names.

/** 75250 -> "1:15.250"; an hour and more with hours. */
export function clock(ms, digits = 3) {
  const unit = 10 ** (3 - digits);
  const rounded = Math.round(Math.max(ms, 0) / unit) * unit;
  const seconds = Math.floor(rounded / 1000);
  const parts = [Math.floor(seconds / 60) % 60, String(seconds % 60).padStart(2, "0")];
  if (seconds >= 3600) parts.splice(0, 1, Math.floor(seconds / 3600), String(parts[0]).padStart(2, "0"));
  const fraction = digits ? `.${String(rounded % 1000).padStart(3, "0").slice(0, digits)}` : "";
  return parts.join(":") + fraction;
}

/** 1250 -> "1.25 s", 75250 -> "1:15.3". */
export function span(ms) {
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return clock(ms, 1);
}

/** 12345 -> "12,345". */
export const count = (number) => number.toLocaleString("en-US");

/** count(1) + "tag", "12 tags". */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

/** The last part of a path. */
export const baseName = (path) => path.slice(path.lastIndexOf("/") + 1) || path;

/** The name of a track, as it is shown. */
export const trackName = (track) => track || "default";
