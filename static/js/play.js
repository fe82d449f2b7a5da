// @ts-check
/**
 * Steps through the states of a page, one after the other, until the last or until it is stopped.
 * @module
 */
import { showPage } from "./swap.js";

const PAUSE = 900; // milliseconds for each state, with the way to it

let playing = false;
/** Number of the newest press: what an earlier one began does not go on. */
let newest = 0;

/**
 * Play on from this state, from the first after the last, or stop.
 * @param {HTMLElement} button
 */
export async function togglePlay(button) {
  playing = !playing;
  const press = newest += 1;
  mark();
  const start = button.dataset["play"] ?? "";
  if (playing && !nextState()) await showPage(start, { history: "replace" });
  while (playing && press === newest) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    if (press !== newest) return;
    const next = nextState();
    if (!next) playing = false;
    if (!playing || !next) break;
    await showPage(next, { history: "replace" });
    mark();
  }
  mark();
}

/** @returns {string | undefined} */
function nextState() {
  return document.querySelector("[data-play-next]")?.getAttribute("href") ?? undefined;
}

function mark() {
  const button = document.querySelector("[data-play]");
  if (!button) playing = false;
  button?.setAttribute("aria-pressed", String(playing));
  if (button) button.textContent = playing ? "Pause" : "Play";
}
