// Light or dark theme: that of the system, unless set by the button.

const KEY = "common-ml.theme";

function apply(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

export function toggleTheme() {
  const isDark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  localStorage.setItem(KEY, theme);
  apply(theme);
}

export const startTheme = () => apply(localStorage.getItem(KEY));
