// @ts-check
/**
 * Pictures that did not arrive: asked for again, and replaced by words and a button where they
 * will not come.
 * @module
 */

import { arrived } from "./retrying.js";

/** @typedef {HTMLImageElement | SVGImageElement} Picture */

/** @type {Map<string, Set<Picture>>} what waits for an address */
const waiting = new Map();
/** @type {Set<string>} addresses that came and still could not be shown */
const damaged = new Set();

/** @param {Picture} picture */
function addressOf(picture) {
  return picture instanceof HTMLImageElement ? picture.currentSrc : picture.href.baseVal;
}

/** @param {Picture} picture */
function show(picture) {
  picture.removeAttribute("data-state");
  if (picture instanceof HTMLImageElement) {
    picture.src = picture.getAttribute("src") ?? "";
    return;
  }
  const address = picture.href.baseVal;
  picture.removeAttribute("href");
  picture.setAttribute("href", address);
}

/**
 * Ask for a picture again; every element that shows it waits for one answer.
 * @param {Picture} picture
 */
export async function again(picture) {
  const address = addressOf(picture);
  const others = waiting.get(address);
  picture.setAttribute("data-state", "waiting");
  if (others) {
    others.add(picture);
    return;
  }
  const all = new Set([picture]);
  waiting.set(address, all);
  const came = !damaged.has(address) && (await arrived(address));
  waiting.delete(address);
  if (came) {
    damaged.add(address);
    for (const one of all) show(one);
    return;
  }
  damaged.delete(address);
  for (const one of all) replace(one);
}

/**
 * Put words and a button in its place: one for a picture, one for a list that is cut from it.
 * @param {Picture} picture
 */
function replace(picture) {
  picture.setAttribute("data-state", "missing");
  const cut = picture instanceof SVGImageElement;
  const list = picture.closest("ul.tiles, ul.samples, ul.parts");
  const whole = list ?? picture.closest("picture, svg") ?? picture;
  const place = whole.closest("a") ?? whole;
  if (place.previousElementSibling?.matches(".missing")) return;
  if (place.nextElementSibling?.matches(".missing")) return;
  const size = picture.getBoundingClientRect();
  const box = document.createElement("div");
  box.className = "missing";
  box.setAttribute("role", "group");
  if (!cut) {
    box.style.width = `${Math.max(size.width, 144)}px`;
    box.style.minHeight = `${size.height}px`;
    whole.setAttribute("hidden", "");
  }
  const words = document.createElement("p");
  words.textContent = "This picture did not arrive.";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Retry";
  button.addEventListener("click", () => {
    box.remove();
    whole.removeAttribute("hidden");
    for (const one of whole.querySelectorAll("[data-state=missing]")) {
      if (one instanceof HTMLImageElement || one instanceof SVGImageElement) void again(one);
    }
    if (whole === picture) void again(picture);
  });
  box.append(words, button);
  if (cut) place.before(box);
  else place.after(box);
}
