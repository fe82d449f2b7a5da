// @ts-check
/**
 * What stands around the surface: buttons, the stroke's width, and a line that says how it goes.
 * @module
 */

/** @typedef {import("./strokes.js").Drawing} Drawing */

const CHOOSERS = "form[data-choosers]";

/**
 * @template {Element} T
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T}
 */
function find(parent, selector, kind) {
  const element = parent.querySelector(selector);
  if (!(element instanceof kind)) throw new TypeError(`The page has no ${selector}.`);
  return element;
}

/** What the server alone can choose waits meanwhile, and says so. @param {boolean} waits */
function hold(waits) {
  for (const chooser of document.querySelectorAll(`${CHOOSERS} [data-reload]`)) {
    chooser.toggleAttribute("disabled", waits);
    chooser.parentElement?.querySelector("[data-waiting]")?.toggleAttribute("hidden", !waits);
  }
}

/** The form around the surface, and the places on the page that go with it. */
export class Tools {
  #drawing;
  #view;
  #undo;
  #clear;
  #keep;
  #close;
  #width;
  #state;

  /**
   * @param {HTMLFormElement} form
   * @param {Drawing} drawing
   * @param {{ changed: () => void, keep: () => void, close: () => void }} then
   */
  constructor(form, drawing, then) {
    this.form = form;
    this.canvas = find(form, "[data-draw-surface]", HTMLCanvasElement);
    this.given = find(document, "[data-draw-given]", HTMLCanvasElement);
    this.spoken = find(form, "[data-draw-said]", HTMLElement);
    this.#drawing = drawing;
    this.#view = find(document, ".view", HTMLElement);
    this.#undo = find(form, "[data-draw-undo]", HTMLButtonElement);
    this.#clear = find(form, "[data-draw-clear]", HTMLButtonElement);
    this.#keep = find(form, "[type=submit]", HTMLButtonElement);
    this.#close = find(form, "[data-draw-close]", HTMLButtonElement);
    this.#width = find(form, "[type=range]", HTMLInputElement);
    this.#state = find(form, "[data-upload-state]", HTMLElement);
    const undo = () => {
      drawing.undo();
      then.changed();
    };
    this.#undo.addEventListener("click", undo);
    this.#clear.addEventListener("click", () => {
      drawing.clear();
      then.changed();
    });
    this.#close.addEventListener("click", then.close);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      then.keep();
    });
    // Maps that cannot be painted anew would come with another page, and the drawing would go.
    document.querySelector(CHOOSERS)?.addEventListener("submit", (event) => {
      if (this.isOpen) event.preventDefault();
    });
    document.addEventListener("keydown", (event) => {
      if (!this.isOpen || event.defaultPrevented || document.querySelector("dialog[open]")) return;
      if (event.key === "Escape") then.close();
      if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      undo();
    });
  }

  get isOpen() {
    return !this.form.hidden;
  }

  /** Width of a new stroke, in units of the surface's side. */
  get width() {
    return this.#width.valueAsNumber / 100;
  }

  open() {
    this.form.hidden = false;
    this.#view.classList.add("drawing");
    hold(true);
    this.#close.focus({ preventScroll: true });
    this.#view.scrollIntoView({ block: "start" });
  }

  close() {
    this.form.hidden = true;
    this.#view.classList.remove("drawing", "undrawn");
    hold(false);
    this.say("");
  }

  /** Bring the buttons up to date. */
  refresh() {
    this.#undo.disabled = !this.#drawing.canUndo;
    this.#clear.disabled = this.#keep.disabled = this.#drawing.isEmpty;
    this.#view.classList.toggle("undrawn", this.#drawing.isEmpty);
  }

  /**
   * @param {string} text
   * @param {"failed"} [state]
   */
  say(text, state) {
    if (this.#state.textContent !== text) this.#state.textContent = text;
    this.#state.classList.toggle("failed", state === "failed");
  }
}
