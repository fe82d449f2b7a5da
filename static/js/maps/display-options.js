// @ts-check
/**
 * Draws a page's maps anew when another scale or palette is chosen, and keeps page and address true
 * to it.
 * @module
 */

import { rawMaps, scopesOf } from "./activations.js";
import { coverGrid } from "./map-canvas.js";
import { chooser, chosen, settle, show, shownOn } from "./painted-figure.js";
import { colourOf, isBright, palettes } from "./palettes.js";
import { TOP_LEVEL } from "./value-range.js";

/** @typedef {import("./painted-figure.js").Choice} Choice */
/** A look, or a palette alone. @typedef {{ normalize?: string, palette: string }} PartialLook */

/** How far outside of the window a figure is still near. */
const NEAR = "400px";

/** Maps that belong to the page's digit. @type {WeakSet<import("./value-range.js").Maps>} */
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

/** What holds an address that carries the look. */
const ADDRESSES = [["a[href]", "href"], ["form[data-upload], form[data-draw]", "action"],
  ["[data-filter-href]", "data-filter-href"], ["a[data-home]", "data-home"], ["img[src*='/kernel']", "src"],
  [".parts image", "href"]];
/** What has a palette, and a scale of its own. */
const SCALED = ".lookout image";

/** What goes without saying. @param {HTMLFormElement} form @returns {Choice} */
function usual(form) {
  /** @param {keyof Choice} name */
  const of = (name) =>
    chooser(form, name).querySelector("option[data-usual]")?.getAttribute("value") ?? "";
  return { normalize: of("normalize"), palette: of("palette") };
}

/**
 * Make the page say what it now looks like: its own address, links, ramps, plate and words.
 * @param {HTMLFormElement} form whose choosers were used
 * @param {import("./palettes.js").Palette} palette
 */
export function settleLook(form, palette) {
  const [look, unsaid] = [chosen(form), usual(form)];
  const here = location.pathname + location.search + location.hash;
  history.replaceState(history.state, "", withLook(here, look, unsaid));
  for (const [selector = "", name = ""] of ADDRESSES) {
    for (const element of document.querySelectorAll(selector)) {
      const before = element.getAttribute(name) ?? "";
      const after = withLook(before, look, unsaid);
      if (after !== before) element.setAttribute(name, after);
    }
  }
  for (const image of document.querySelectorAll(SCALED)) {
    const before = image.getAttribute("href") ?? "";
    image.setAttribute("href", withLook(before, { palette: look.palette }, unsaid));
  }
  paintRamp("ramp-signed", palette.diverging);
  paintRamp("ramp-positive", palette.sequential);
  for (const square of document.querySelectorAll("svg [data-level]")) paintSquare(square, palette);
  const view = document.querySelector(".view");
  view?.classList.remove(...[...view.classList].filter((name) => name.startsWith("plate-")));
  view?.classList.add(`plate-${look.palette}`);
  const words = document.querySelector("[data-palette-words]");
  const option = chooser(form, "palette").selectedOptions[0];
  if (words && option) words.textContent = option.dataset["said"] ?? "";
}

/**
 * A number on a colour; the number dark where the colour is bright.
 * @param {Element} square
 * @param {import("./palettes.js").Palette} palette
 */
function paintSquare(square, palette) {
  const table = square.closest("[data-signed]") ? palette.diverging : palette.sequential;
  const level = Number(square.getAttribute("data-level"));
  square.setAttribute("fill", colourOf(table, level));
  const number = square.nextElementSibling;
  if (number instanceof SVGTextElement) {
    number.setAttribute("class", isBright(table, level) ? "on-bright" : "on-dark");
  }
}

/**
 * @param {string} id
 * @param {Uint32Array} table
 */
function paintRamp(id, table) {
  const stops = document.querySelectorAll(`#${id} stop`);
  stops.forEach((stop, at) => {
    const level = Math.round((at * TOP_LEVEL) / (stops.length - 1));
    stop.setAttribute("stop-color", colourOf(table, level));
  });
}

/** What stands before the look in a query. */
const FIRST = ["network", "off", "a", "b", "off_a", "off_b"];
const BOTH = [/^\/$/, /^\/networks\//, /^\/digits$/, /\/layers\/[^/]+\/grid\.(png|json)$/];
const PALETTE_ALONE = [/^\/compare$/, /\/(strip|matrix)\.(png|json)$/, /\/kernels?\.png$/];

/**
 * An address of this site with another look; as it was where it takes none.
 * @param {string} address path, query and fragment; may hold a placeholder in braces
 * @param {PartialLook} look
 * @param {PartialLook} usual what goes without saying, and so is left out
 * @returns {string}
 */
export function withLook(address, look, usual) {
  const [, path = "", query = "", fragment = ""] = /^([^?#]*)\??([^#]*)(.*)$/.exec(address) ?? [];
  const both = BOTH.some((pattern) => pattern.test(path));
  if (!both && !PALETTE_ALONE.some((pattern) => pattern.test(path))) return address;
  const given = query.split("&").filter((pair) => pair && nameOf(pair) !== "palette");
  const first = given.filter((pair) => FIRST.includes(nameOf(pair)));
  const rest = given.filter((pair) => ![...FIRST, "normalize"].includes(nameOf(pair)));
  const said = [];
  const kept = given.find((pair) => nameOf(pair) === "normalize");
  if (look.normalize === undefined) said.push(...(kept ? [kept] : []));
  else if (both && look.normalize !== usual.normalize) said.push(`normalize=${look.normalize}`);
  if (look.palette !== usual.palette) said.push(`palette=${look.palette}`);
  const pairs = [...first, ...said, ...rest].join("&");
  return path + (pairs && `?${pairs}`) + fragment;
}

/** @param {string} pair */
function nameOf(pair) {
  return pair.split("=", 1)[0] ?? "";
}
