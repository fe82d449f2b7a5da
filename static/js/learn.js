// @ts-check
/**
 * A step of the story: numbers that follow what is dragged, definitions that Escape closes, the
 * digits of a class as they come in, what a clicker does in a presentation; and the handout's button.
 *
 * The server sends every number that a slider can reach, so that they follow at once; when a slider
 * rests, the page at its address brings those that the other sliders can reach from there.
 * @module
 */

import { CHANGED, fetchPage, morph, showPage } from "./swap.js";

const CLASS_DIGITS = "[data-class-digits]";
const LOOK_AGAIN_MS = 2000;
const FIGURE = "[data-dense]";
/** The slider from whose numbers the figure is drawn, until the server has those of the others. */
let dragged = "";

/** @param {EventTarget | null} target @returns {HTMLInputElement | undefined} */
function sliderOf(target) {
  const isSlider = target instanceof HTMLInputElement && target.matches(`${FIGURE} [type=range]`);
  return isSlider ? target : undefined;
}

/** Show the numbers that belong to a slider's place. @param {HTMLInputElement} slider */
function showNumbers(slider) {
  const figure = slider.closest(FIGURE);
  /** @type {string[]} */
  const keys = JSON.parse(figure?.getAttribute("data-keys") ?? "[]");
  /** @type {string[] | undefined} */
  const texts = JSON.parse(slider.dataset["numbers"] ?? "{}")[slider.value];
  if (!figure || !texts) return;
  const values = new Map(keys.map((key, at) => [key, texts[at] ?? ""]));
  for (const element of figure.querySelectorAll("[data-number]")) {
    const text = values.get(element.getAttribute("data-number") ?? "");
    if (text !== undefined && element.textContent !== text) element.textContent = text;
  }
  for (const element of figure.querySelectorAll("[data-number-width]")) {
    const width = values.get(element.getAttribute("data-number-width") ?? "");
    if (width !== undefined) element.setAttribute("stroke-width", width);
  }
  for (const running of figure.getAnimations({ subtree: true })) running.play(); // once more
}

/** The address of the figure as its form stands. @param {HTMLFormElement} form */
function addressOf(form) {
  const address = new URL(form.action);
  for (const [name, value] of new FormData(form)) address.searchParams.set(name, String(value));
  return address.href;
}

document.addEventListener("input", ({ target }) => {
  const slider = sliderOf(target);
  if (slider && (!dragged || dragged === slider.name)) showNumbers(slider);
});

document.addEventListener("change", async ({ target }) => {
  const slider = sliderOf(target);
  if (!slider?.form) return;
  dragged = slider.name;
  await showPage(addressOf(slider.form), { history: "replace" });
  const active = sliderOf(document.activeElement);
  if (active && !dragged) showNumbers(active); // dragged on while the page was fetched
});

/** Show the digits that the class has sent since, for as long as somebody looks. */
async function followClass() {
  if (!document.querySelector(CLASS_DIGITS)) return;
  if (!document.hidden) {
    const address = location.href;
    const page = await fetchPage(address).catch(() => undefined); // no connection: the next one
    const [list, fresh] = [document, page].map((one) => one?.querySelector(CLASS_DIGITS));
    if (list && fresh && address === location.href) morph(list, document.adoptNode(fresh));
  }
  setTimeout(followClass, LOOK_AGAIN_MS);
}

void followClass();

document.addEventListener(CHANGED, () => { dragged = ""; }); // the page has the numbers of all sliders

for (const button of document.querySelectorAll("[data-print]")) {
  button.removeAttribute("hidden");
  button.addEventListener("click", () => print());
}

document.addEventListener("keydown", (event) => {
  const isTerm = event.target instanceof HTMLElement && event.target.matches(".term-word");
  if (event.key === "Escape" && isTerm) event.target.blur();
});

/** Who touches something else has read the definition. */
document.addEventListener("pointerdown", ({ target }) => {
  const term = document.activeElement?.closest(".term-word");
  if (term instanceof HTMLElement && !(target instanceof Node && term.contains(target))) term.blur();
}, { capture: true });

const WORDS = { "is-right": "Right.", "is-wrong": "Not yet." };
/** What was said on this digit, by question. @type {Map<number, keyof typeof WORDS>} */
const said = new Map();
let saidOn = "";

/** What was right stays right, and a miss stays one while another question is answered. The numbers
 * were those of the figure before: they go. */
function keepVerdicts() {
  const digit = new URLSearchParams(location.search).get("digit") ?? "";
  if (digit !== saidOn) said.clear();
  saidOn = digit;
  for (const [at, item] of document.querySelectorAll(".learn-questions li").entries()) {
    const before = said.get(at);
    const isMissedAnew = item.className === "is-wrong" && before !== "is-right";
    if (before && item.className !== "is-right" && !isMissedAnew) {
      item.className = before;
      const word = Object.assign(document.createElement("b"), { textContent: WORDS[before] });
      item.querySelector(".verdict-line")?.replaceChildren(word);
    }
    const isNext = !item.matches(".is-wrong ~ .is-wrong"); // else its miss is not shown
    const now = item.className;
    if (isNext && (now === "is-right" || now === "is-wrong")) said.set(at, now);
  }
}

keepVerdicts();
document.addEventListener(CHANGED, keepVerdicts);

const PRESENTED = ".is-presented";
const EXAMPLES = ".learn-figure a[data-in-place]";
const NOT_EXAMPLES = ".map-toggle, .neighbour-links a";

/** What the figure shows next: another filter, block, row or pixel; branches go off one by one.
 * @param {1 | -1} by
 */
function nextExample(by) {
  const switches = [...document.querySelectorAll(".learn-figure .map-toggle")];
  const isOn = (/** @type {Element} */ one) => one.getAttribute("aria-pressed") === "true";
  if (switches.length) return by > 0 ? switches.find(isOn) : switches.findLast((one) => !isOn(one));
  const move = document.querySelector(`.neighbour-links [aria-label=${by > 0 ? "down" : "up"}]`);
  if (move) return move;
  const links = [...document.querySelectorAll(EXAMPLES)].filter((one) => !one.matches(NOT_EXAMPLES));
  const at = links.findIndex((link) => link.hasAttribute("aria-current"));
  return links[at < 0 ? 0 : (at + by + links.length) % links.length];
}

/** What a key presses. @param {string} key */
function pressedBy(key) {
  switch (key) {
    case "PageUp":
      return document.querySelector(`${PRESENTED} [rel=prev]`);
    case "PageDown":
      return document.querySelector(`${PRESENTED} [rel=next]`);
    case "ArrowUp":
      return nextExample(-1);
    case "ArrowDown":
      return nextExample(1);
    case " ":
      return document.querySelector("[data-slide]");
    default:
      return undefined;
  }
}

document.addEventListener("keydown", (event) => {
  const isPlain = !(event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented);
  const isBusy = !isPlain || document.querySelector("dialog[open]");
  if (!document.querySelector(PRESENTED) || isBusy) return;
  const isOnControl = event.target instanceof Element && event.target.closest("input, button, summary");
  if (isOnControl && !event.key.startsWith("Page")) return; // which has keys of its own
  const pressed = pressedBy(event.key);
  if (!pressed) return;
  event.preventDefault();
  pressed.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
}, { capture: true });

/** A slider that was dragged leaves the arrows to the steps. */
document.addEventListener("pointerup", ({ target }) => {
  const isSlider = target instanceof HTMLInputElement && target.type === "range";
  if (isSlider && document.querySelector(PRESENTED)) target.blur();
});
