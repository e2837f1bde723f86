// Formatting of sizes, times and shares.

import { count } from "/shared/format.js";

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];

/** 1536000 -> "1.5 MB". */
export function bytes(number) {
  let value = number;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : count(Math.round(value))} ${UNITS[unit]}`;
}

/** 0.834 -> "83 %". */
export const percent = (share) => `${Math.floor(share * 100)} %`;

/** A time of the server, as people here write it. */
export const moment = (text) => (text ? new Date(text).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) : "");

/** Seconds that something took. */
export const took = (seconds) => (seconds === null || seconds === undefined ? "" : seconds < 60 ? `${seconds.toFixed(seconds < 10 ? 1 : 0)} s` : `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`);

/** A new id; `crypto.randomUUID` is only there for pages that come by HTTPS. */
export const randomId = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
