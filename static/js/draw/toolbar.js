// @ts-check
/**
 * The controls around the drawing surface: buttons, stroke width, keys and a status line.
 * @module
 */

/** @typedef {import("./strokes.js").Drawing} Drawing */

const CHOOSERS = "form[data-display-options]";

/**
 * @template {Element} T
 * @param {ParentNode} parent
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
function find(parent, selector, type) {
  const element = parent.querySelector(selector);
  if (!(element instanceof type)) throw new TypeError(`The page has no ${selector}.`);
  return element;
}

/** Disable the options that need another page while someone draws. @param {boolean} isWaiting */
function setWaiting(isWaiting) {
  for (const chooser of document.querySelectorAll(`${CHOOSERS} [data-reload]`)) {
    chooser.toggleAttribute("disabled", isWaiting);
    chooser.parentElement?.querySelector("[data-waiting]")?.toggleAttribute("hidden", !isWaiting);
  }
}

/** The form of the drawing surface, and the elements that belong to it. */
export class Toolbar {
  #drawing;
  #view;
  #undo;
  #clear;
  #save;
  #close;
  #width;
  #status;

  /**
   * @param {HTMLFormElement} form
   * @param {Drawing} drawing
   * @param {{ onChange: () => void, onSave: () => void, onClose: () => void }} handlers
   */
  constructor(form, drawing, handlers) {
    this.form = form;
    this.canvas = find(form, "[data-draw-surface]", HTMLCanvasElement);
    this.networkInput = find(document, "[data-network-input]", HTMLCanvasElement);
    this.announcement = find(form, "[data-draw-status]", HTMLElement);
    this.#drawing = drawing;
    this.#view = find(document, ".page", HTMLElement);
    this.#undo = find(form, "[data-draw-undo]", HTMLButtonElement);
    this.#clear = find(form, "[data-draw-clear]", HTMLButtonElement);
    this.#save = find(form, "[type=submit]", HTMLButtonElement);
    this.#close = find(form, "[data-draw-close]", HTMLButtonElement);
    this.#width = find(form, "[type=range]", HTMLInputElement);
    this.#status = find(form, "[data-upload-state]", HTMLElement);
    this.#listen(handlers);
  }

  /** @param {{ onChange: () => void, onSave: () => void, onClose: () => void }} handlers */
  #listen({ onChange, onSave, onClose }) {
    const undo = () => {
      this.#drawing.undo();
      onChange();
    };
    this.#undo.addEventListener("click", undo);
    this.#clear.addEventListener("click", () => {
      this.#drawing.clear();
      onChange();
    });
    this.#close.addEventListener("click", onClose);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      onSave();
    });
    // Where maps cannot be repainted the form opens another page, and the drawing would be lost.
    document.querySelector(CHOOSERS)?.addEventListener("submit", (event) => {
      if (this.isOpen) event.preventDefault();
    });
    document.addEventListener("keydown", (event) => {
      if (!this.isOpen || event.defaultPrevented || document.querySelector("dialog[open]")) return;
      if (event.key === "Escape") onClose();
      if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      undo();
    });
  }

  get isOpen() {
    return !this.form.hidden;
  }

  /** Width of a new stroke, as a share of the surface's side. */
  get strokeWidth() {
    return this.#width.valueAsNumber / 100;
  }

  open() {
    this.form.hidden = false;
    this.#view.classList.add("is-drawing");
    setWaiting(true);
    this.#close.focus({ preventScroll: true });
    this.#view.scrollIntoView({ block: "start" });
  }

  close() {
    this.form.hidden = true;
    this.#view.classList.remove("is-drawing", "is-blank");
    setWaiting(false);
    this.showMessage("");
  }

  /** Enable the buttons that the drawing allows. */
  update() {
    this.#undo.disabled = !this.#drawing.canUndo;
    this.#clear.disabled = this.#save.disabled = this.#drawing.isEmpty;
    this.#view.classList.toggle("is-blank", this.#drawing.isEmpty);
  }

  /**
   * @param {string} text
   * @param {"failed"} [state]
   */
  showMessage(text, state) {
    if (this.#status.textContent !== text) this.#status.textContent = text;
    this.#status.classList.toggle("failed", state === "failed");
  }
}
