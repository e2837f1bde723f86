// Script of the plot pages, which are static except for the theme button.

import { recall, remember } from "./memory.js";

const root = document.documentElement;

function toggle() {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  remember("theme", root.dataset.theme);
}

const known = recall("theme");
if (known === "light" || known === "dark") root.dataset.theme = known;
document.getElementById("theme")?.addEventListener("click", toggle);
document.addEventListener("keydown", ({ key, ctrlKey, metaKey, altKey }) => {
  if (key === "t" && !ctrlKey && !metaKey && !altKey) toggle();
});
