// @ts-check
/**
 * Draws a page's maps anew when another look is chosen, each when it comes near the window.
 * @module
 */

import { chosen, settleLook } from "./looks.js";
import { palettes } from "./palettes.js";
import { settle, show, shownOn } from "./plate.js";
import { rawMaps, scopesOf } from "./raw.js";
import { coverGrid } from "./sheets.js";

/** How far outside of the window a figure is still near. */
const NEAR = "400px";

/** Maps that belong to the page's digit. @type {WeakSet<import("./scaling.js").Maps>} */
const own = new WeakSet();
/** @type {IntersectionObserver | undefined} */
let watching;

/**
 * Draw every map as the form's choosers say; rejects where that cannot be done here.
 * @param {HTMLFormElement} form
 */
export async function recolour(form) {
  const palette = (await palettes()).get(chosen(form).palette);
  if (!palette) throw new RangeError("There is no palette of that name.");
  const figures = document.querySelectorAll("figure[data-layer]");
  if (figures.length === 0) throw new TypeError("There are no maps here that can be painted.");
  settleLook(form, palette);
  watching?.disconnect();
  watching = new IntersectionObserver((entries, observer) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting || !(target instanceof HTMLElement)) continue;
      observer.unobserve(target);
      follow(target, form).catch(() => form.requestSubmit());
    }
  }, { rootMargin: NEAR });
  for (const figure of figures) {
    if (!(figure instanceof HTMLElement)) continue;
    settle(figure, () => void paint(figure, form));
    coverGrid(figure); // what is not painted yet is not fetched as a picture either
    watching.observe(figure);
  }
}

/**
 * Draw what a figure shows anew: its own maps, or those of a digit that is under way.
 * @param {HTMLElement} figure
 * @param {HTMLFormElement} form
 */
async function follow(figure, form) {
  const now = shownOn(figure);
  if (!now || own.has(now.maps)) await paint(figure, form);
  else await show(figure, now.maps, { ...chosen(form), scopes: now.look.scopes });
}

/**
 * Draw a figure's own maps.
 * @param {HTMLElement} figure
 * @param {HTMLFormElement} form
 */
async function paint(figure, form) {
  const maps = await rawMaps(figure.dataset["values"] ?? "");
  own.add(maps);
  await show(figure, maps, { ...chosen(form), scopes: scopesOf(figure) });
}
