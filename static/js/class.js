// @ts-check
/**
 * The page of a pupil who has no token: a digit is drawn and sent to the class.
 * @module
 */

import { Drawing } from "./draw/strokes.js";
import { DrawingSurface } from "./draw/surface.js";
import { problemOf } from "./upload.js";

const SHOWN = "The class sees your digit.";
const OFFLINE = "The server cannot be reached. Your drawing is safe; try again.";

/** @param {HTMLFormElement} form */
function follow(form) {
  const canvas = form.querySelector("canvas");
  const status = form.querySelector("[role=status]");
  if (!canvas || !status) return;
  for (const hidden of form.querySelectorAll("[data-script-only]")) hidden.removeAttribute("hidden");
  const state = {
    drawing: new Drawing(),
    isOverPage: false,
    width: 0.09,
    erases: false,
    colour: undefined,
    paper: "#000",
    inputAddress: () => "",
  };
  const surface = new DrawingSurface(canvas, state, () => (status.textContent = ""));
  form.querySelector("[data-clear]")?.addEventListener("click", () => {
    state.drawing = new Drawing();
    surface.repaint();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    status.textContent = state.drawing.isEmpty
      ? "Nothing is drawn yet."
      : await send(form.action, state.drawing);
  });
}

/**
 * Send a drawing; a sentence about what came of it.
 * @param {string} address
 * @param {Drawing} drawing
 */
async function send(address, { strokes }) {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  try {
    const response = await fetch(address, { method: "POST", body: JSON.stringify({ strokes }), headers });
    return response.ok ? SHOWN : (await problemOf(response)).sentence;
  } catch {
    return OFFLINE;
  }
}

const form = document.querySelector("[data-class-form]");
if (form instanceof HTMLFormElement) follow(form);
document.documentElement.dataset["ready"] = ""; // for tests
