// Draws the waveform of a file's audio.

/** The peaks of a file, one byte for each equal part of its duration; null where there are none. */
export function peaksOf(file) {
  if (!file.wave) return null;
  file.peaks ??= Uint8Array.from(atob(file.wave), (letter) => letter.charCodeAt(0));
  return /** @type {Uint8Array} */ (file.peaks);
}

/**
 * Draws the sound between two times, loud parts tall; in each column of pixels its loudest moment.
 * @param {CanvasRenderingContext2D} context
 * @param {import("./state.js").MediaFile} file
 * @param {{ left: number, top: number, width: number, height: number }} place
 * @param {{ from: number, to: number }} time Milliseconds.
 * @param {(ms: number) => string} colourAt
 */
export function drawWave(context, file, { left, top, width, height }, { from, to }, colourAt) {
  const peaks = peaksOf(file);
  const total = file.duration * 1000;
  if (!peaks || !(total > 0)) return;
  const perPixel = (to - from) / width;
  for (let x = 0; x < width; x++) {
    const start = from + x * perPixel;
    if (start > total) break;
    const first = Math.floor((start / total) * peaks.length);
    const end = Math.max(Math.ceil(((start + perPixel) / total) * peaks.length), first + 1);
    let most = 0;
    for (let i = first; i < Math.min(end, peaks.length); i++) most = Math.max(most, peaks[i]);
    const tall = Math.max((most / 255) * height, 1);
    context.fillStyle = colourAt(start);
    context.fillRect(left + x, top + (height - tall) / 2, 1, tall);
  }
}
