// @ts-check
/**
 * Changes the theme in place, and keeps the choice where the server looks for it.
 * @module
 */

const YEAR = 365 * 24 * 3600;

/** @param {string} theme */
export function apply(theme) {
  document.documentElement.dataset["theme"] = theme;
  for (const button of document.querySelectorAll("[data-theme-choice] button")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("value") === theme));
  }
}

/** @param {string} theme */
export function choose(theme) {
  document.cookie = `theme=${theme}; Max-Age=${YEAR}; Path=/; SameSite=Lax`;
  apply(theme);
}
