// @ts-check
/**
 * Drawing: the page follows every stroke, and the digit is stored when the pen rests.
 * @module
 */

import { LivePictures, whenShown } from "../maps/live-pictures.js";
import { isRetryable } from "../retry.js";
import { session } from "../storage.js";
import { CHANGED, isPlainClick, showPage, writeText } from "../swap.js";
import { problemOf } from "../upload.js";
import { LatestOnly, OFFLINE_PAUSE_S, SIDE, requestFrame, secondsUntilRetry } from "./live-client.js";
import { Drawing } from "./strokes.js";
import { DrawingSurface } from "./surface.js";

/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {import("./live-client.js").Frame} Frame */
/** @typedef {import("./live-client.js").Question} Question */
/** @typedef {import("./live-client.js").Outcome<Frame | undefined>} Outcome */

const REST_MS = 700; // without a stroke, until the digit is stored
const ANNOUNCE_DELAY_MS = 1000; // without a change of the prediction
const PROBLEMS = {
  busy: "The server is busy. The page follows your drawing as soon as it can.",
  offline: "The server cannot be reached. Your drawing is safe; trying again…",
};
/** Attributes that a key of a frame sets; `data-live` itself sets the text. */
const LIVE_ATTRIBUTES = ["width", "stroke-width", "class", "d", "x", "y"];
const LIVE = ["", ...LIVE_ATTRIBUTES.map((name) => `-${name}`)].map((end) => `[data-live${end}]`).join();

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

/** The input panel: canvas, tools, and what the page shows of them. */
export class LiveInput {
  #form;
  #status;
  #announcement;
  #surface;
  #pictures;
  #requests;
  /** Digit that the strokes are of. */
  #digit = "";
  /** Digit that was stored, while its page is on its way. */
  #coming = "";
  #timer = 0;
  #announceTimer = 0;
  #isUnsaved = false;
  /** How many pages were shown: what comes of an earlier one is not. */
  #pages = 0;
  /** @type {Promise<unknown>} */
  #saving = Promise.resolve();
  /** @type {readonly Stroke[] | undefined} */
  #savingStrokes;
  drawing = new Drawing();
  erases = false;

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    this.#status = find(form, "[data-draw-state]", HTMLElement);
    this.#announcement = find(form, "[data-draw-status]", HTMLElement);
    const canvas = find(form, "[data-draw-surface]", HTMLCanvasElement);
    this.#pictures = new LivePictures(() => this.#isUnsaved && this.#ask());
    this.#surface = new DrawingSurface(canvas, this, () => this.#handleStrokes());
    this.#requests = new LatestOnly(
      (/** @type {Question} */ question) => requestFrame(this.#liveAddress(), question),
      (/** @type {Outcome} */ outcome) => this.#handleOutcome(outcome),
      (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds)),
    );
    this.#listen();
    this.#handlePage();
    form.dataset["ready"] = ""; // for tests: strokes are drawn at once from now on
  }

  /** Whether pictures are drawn, in colour, and not digits. */
  get #isPicture() {
    return this.#form.hasAttribute("data-picture");
  }

  /** Colour of a new stroke on a picture. */
  get colour() {
    const button = this.#form.querySelector("[data-colour][aria-pressed=true]");
    return button instanceof HTMLElement ? button.dataset["colour"] : undefined;
  }

  /** Colour where nothing is drawn. */
  get paper() {
    return this.#form.dataset["paper"] ?? "#000";
  }

  /** Address of a digit as the page shows it. @param {string} digit */
  inputAddress(digit) {
    return (this.#form.dataset["input"] ?? "").replace("{digit}", digit);
  }

  /** Width of a new stroke, as a share of the surface's side. */
  get width() {
    return find(this.#form, "[type=range]", HTMLInputElement).valueAsNumber / 100;
  }

  /** Digit in the addresses of the page. */
  get #shown() {
    return this.#form.dataset["digit"] ?? "";
  }

  /** Whether the page's own picture of its digit lies under the strokes. */
  get isOverPage() {
    return this.drawing.over === this.#digit;
  }

  #listen() {
    document.addEventListener(CHANGED, () => this.#handlePage());
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#form.addEventListener("click", (event) => {
      const button = event.target instanceof Element && event.target.closest("button[data-tool]");
      if (!(button instanceof HTMLButtonElement)) return;
      if (button.dataset["colour"]) this.#takePen(button);
      this.#useTool(button.dataset["tool"] ?? "");
    });
    document.addEventListener("keydown", (event) => {
      const isUndo = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
      const isTyping = event.target instanceof Element && event.target.matches(":read-write");
      if (!isUndo || isTyping || event.defaultPrevented || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      this.#useTool("undo");
    });
    document.addEventListener("click", (event) => void this.#saveBeforeLeaving(event), true);
    document.addEventListener("submit", (event) => void this.#saveBeforeSending(event), true);
    addEventListener("pagehide", () => this.#keepStrokes());
    addEventListener("pageshow", () => this.#isUnsaved && this.#forgetUnsaved()); // by the back button
  }

  /** Take over the digit of the page, with its strokes if it was drawn here. */
  #handlePage() {
    const digit = this.#shown;
    this.#pictures.observe();
    this.#dimWhileBlank();
    if (!this.#isUnsaved) {
      this.#requests.cancel(); // a preview of before would stay over the page
      this.#pages += 1;
      void this.#showStored();
    }
    if (digit !== this.#digit && !this.#coming) {
      this.#digit = digit;
      if (!this.#isUnsaved) this.#restoreStrokes();
    }
    this.#updateTools();
  }

  #restoreStrokes() {
    const kept = session?.getItem(`strokes:${this.#digit}`);
    const { strokes = [], over = this.#digit, isUnsaved = false } = kept ? JSON.parse(kept) : {};
    this.drawing = new Drawing(strokes, over, this.#isPicture);
    this.#surface.repaint();
    if (!isUnsaved) return;
    this.#forgetUnsaved();
    this.#handleStrokes();
  }

  /** So that a drawing is still a drawing on the next page, and can be undone; and so that one that
   * could not be stored in time is stored when its page is opened again. */
  #keepStrokes() {
    const { strokes, over } = this.drawing;
    if (strokes.length === 0) return;
    const kept = JSON.stringify({ strokes, over, isUnsaved: this.#isUnsaved });
    if (this.#keep(kept)) return;
    for (const key of Object.keys(session ?? {})) { // the server keeps earlier drawings as digits
      if (key.startsWith("strokes:")) session?.removeItem(key);
    }
    this.#keep(kept);
  }

  /** What was kept when the page was left, now that the page is here again. */
  #forgetUnsaved() {
    session?.removeItem(`strokes:${this.#digit}`);
  }

  /** @param {string} kept @returns {boolean} whether there was room */
  #keep(kept) {
    try {
      session?.setItem(`strokes:${this.#digit}`, kept);
      return true;
    } catch {
      return false;
    }
  }

  /** @param {HTMLButtonElement} pen of a colour */
  #takePen(pen) {
    for (const other of this.#form.querySelectorAll("[data-colour]")) {
      other.setAttribute("aria-pressed", `${other === pen}`);
    }
  }

  /** @param {string} tool */
  #useTool(tool) {
    this.#surface.endStroke();
    if (tool === "pen" || tool === "eraser") this.erases = tool === "eraser";
    if (tool === "undo" && this.drawing.canUndo) {
      this.drawing.undo();
      this.#handleStrokes();
    }
    if (tool === "clear") {
      this.drawing.clear();
      this.#handleStrokes();
    }
    this.#updateTools();
  }

  #updateTools() {
    const hasStrokes = this.drawing.strokes.length > 0 || this.drawing.over === null;
    this.#form.querySelector(".draw-surface")?.classList.toggle("has-strokes", hasStrokes);
    for (const button of this.#form.querySelectorAll("[data-tool]")) {
      if (!(button instanceof HTMLButtonElement)) continue;
      const { tool, colour } = button.dataset;
      if (colour) continue;
      const isPressed = tool === (this.erases ? "eraser" : "pen");
      if (button.hasAttribute("aria-pressed")) button.setAttribute("aria-pressed", `${isPressed}`);
      if (tool === "undo") button.disabled = !this.drawing.canUndo;
    }
  }

  /** Where nothing is drawn, what the page shows is of the digit before. */
  #dimWhileBlank() {
    const isBlank = this.#isUnsaved && this.drawing.isEmpty;
    document.querySelector(".workspace, .learn")?.classList.toggle("is-blank", isBlank);
  }

  #handleStrokes() {
    this.#isUnsaved = true;
    this.#surface.repaint();
    this.#updateTools();
    clearTimeout(this.#timer);
    this.#dimWhileBlank();
    if (this.drawing.isEmpty) {
      this.#requests.cancel();
      this.#showMessage("Nothing is drawn yet.");
      return;
    }
    this.#ask();
    if (!this.#surface.isDrawing) this.#timer = window.setTimeout(() => void this.#save(), REST_MS);
  }

  #ask() {
    if (!this.drawing.isEmpty) this.#requests.submit(this.#question());
  }

  /** @returns {Question} */
  #question() {
    const { strokes, over } = this.drawing;
    return { strokes, over, pictures: this.#pictures.addresses };
  }

  #liveAddress() {
    return this.#form.dataset["live"] ?? "";
  }

  /**
   * Show what the network makes of the drawing, or of the page's digit, at another address.
   * @param {string} address of the live preview, with other factors
   */
  preview(address) {
    this.#form.dataset["live"] = address;
    this.#ask();
  }

  /** @param {Outcome} outcome */
  #handleOutcome(outcome) {
    if ("cause" in outcome) this.#showMessage(PROBLEMS[outcome.cause], true);
    else if ("error" in outcome) this.#showMessage(outcome.error, true);
    else if (outcome.answer) this.#show(outcome.answer);
  }

  /** @param {Frame} frame */
  #show(frame) {
    this.#showMessage(this.#surface.isDrawing ? "" : frame.warnings.join(" "));
    const page = this.#pages;
    requestAnimationFrame(() => {
      if (page !== this.#pages) return;
      showValues(frame.values);
      if (frame.input.length) paintInput(frame.input);
      void this.#pictures.paint(frame.pictures);
    });
    this.#announce(frame.announcement);
  }

  /** Announce a sentence that has not changed for a while. @param {string} sentence */
  #announce(sentence) {
    clearTimeout(this.#announceTimer);
    this.#announceTimer = window.setTimeout(() => {
      writeText(this.#announcement, sentence);
    }, ANNOUNCE_DELAY_MS);
  }

  /**
   * @param {string} text
   * @param {boolean} [hasFailed]
   */
  #showMessage(text, hasFailed = false) {
    writeText(this.#status, text);
    this.#status.classList.toggle("failed", hasFailed);
  }

  get #hasFailed() {
    return this.#status.classList.contains("failed");
  }

  /** Store the drawing, and let the page be about it. */
  #save() {
    clearTimeout(this.#timer);
    const { strokes } = this.drawing;
    if (this.#savingStrokes !== strokes) {
      this.#savingStrokes = strokes; // once: the second answer would come when the page is about it already
      this.#saving = this.#store().finally(() => {
        if (this.#savingStrokes === strokes) this.#savingStrokes = undefined;
      });
    }
    return this.#saving;
  }

  async #store() {
    const { strokes, over } = this.drawing;
    if (this.drawing.isEmpty || !this.#isUnsaved) return;
    try {
      const response = await fetch(this.#form.dataset["store"] ?? "", {
        method: "POST",
        body: JSON.stringify({ strokes, over }),
        headers: { "Content-Type": "application/json" },
      });
      if (isRetryable(response.status)) this.#storeLater(secondsUntilRetry(response));
      if (!response.ok) return this.#showMessage((await problemOf(response)).sentence, true);
      const { id } = await response.json();
      if (strokes !== this.drawing.strokes) return; // drawn on since: the next rest stores that
      if (this.#hasFailed) this.#showMessage("");
      await this.#showDigit(id);
    } catch {
      this.#storeLater(OFFLINE_PAUSE_S);
      this.#showMessage(PROBLEMS.offline, true);
    }
  }

  /** Try again, unless somebody draws on. @param {number} seconds */
  #storeLater(seconds) {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#save(), 1000 * seconds);
  }

  /** @param {string} id */
  async #showDigit(id) {
    this.#isUnsaved = false;
    this.#requests.cancel();
    const digit = this.#digit;
    this.#digit = this.#coming = id; // the strokes on the surface are those of this digit
    this.#keepStrokes();
    const show = () => showPage(() => this.#addressWith(id), { history: "replace" });
    // A choice that is made meanwhile is shown first, and the digit with it.
    const isShown = (await show()) || (this.#coming === id && (await show()));
    if (this.#coming !== id) return; // another drawing came
    this.#coming = "";
    if (!isShown) this.#digit = digit;
  }

  /** Show what the server has of the digit, not the drawing, as soon as it is there. */
  async #showStored() {
    this.#pictures.clear();
    const input = document.querySelector("img[data-network-input]");
    if (input instanceof HTMLImageElement) await whenShown(input);
    if (this.#isUnsaved) return; // one draws on
    for (const canvas of document.querySelectorAll("canvas[data-network-input]")) {
      canvas.classList.remove("is-live");
    }
  }

  /** The page's address for another digit. @param {string} id */
  #addressWith(id) {
    const address = this.#form.dataset["page"] ?? location.href;
    return new URL(address, location.href).href.replaceAll(this.#shown, id);
  }

  /**
   * Store the drawing before a link leads to another page, which then is about it.
   * @param {MouseEvent} event
   */
  async #saveBeforeLeaving(event) {
    const link = event.target instanceof Element && event.target.closest("a[href]");
    const shown = this.#shown;
    const isOfBefore = link && link.getAttribute("href")?.includes(shown);
    if (!(this.#isUnsaved || this.#coming) || this.drawing.isEmpty || !isOfBefore) return;
    if (!isPlainClick(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const href = /** @type {HTMLAnchorElement | SVGAElement} */ (link).href;
    if (this.#isUnsaved) await this.#save();
    const address = typeof href === "string" ? href : href.baseVal;
    location.assign(new URL(address, location.href).href.replaceAll(shown, this.#digit));
  }

  /** Store the drawing before a form about it is sent. @param {SubmitEvent} event */
  async #saveBeforeSending(event) {
    const form = event.target;
    const isAboutIt = form instanceof HTMLFormElement && form.matches("[data-about-digit]");
    if (!isAboutIt || !(this.#isUnsaved || this.#coming) || this.drawing.isEmpty) return;
    event.preventDefault();
    await (this.#isUnsaved ? this.#save() : this.#saving);
    if (!this.#isUnsaved) form.submit(); // the page that is about the drawing has changed the form
  }
}

/** Write texts and attributes where the page has their keys. @param {Record<string, string>} values */
function showValues(values) {
  for (const element of document.querySelectorAll(LIVE)) {
    const text = values[element.getAttribute("data-live") ?? ""];
    if (text !== undefined) writeText(element, text);
    for (const attribute of LIVE_ATTRIBUTES) {
      const value = values[element.getAttribute(`data-live-${attribute}`) ?? ""];
      if (value === undefined || value === element.getAttribute(attribute)) continue;
      element.setAttribute(attribute, value);
    }
  }
}

/** Paint what the network gets. @param {Uint8Array} input one byte a pixel */
function paintInput(input) {
  for (const canvas of document.querySelectorAll("canvas[data-network-input]")) {
    const context = canvas instanceof HTMLCanvasElement && canvas.getContext("2d");
    if (!context) continue;
    const image = context.createImageData(SIDE, SIDE);
    for (let pixel = 0; pixel < SIDE * SIDE; pixel += 1) {
      image.data.fill(input[pixel] ?? 0, 4 * pixel, 4 * pixel + 3);
      image.data[4 * pixel + 3] = 255;
    }
    context.putImageData(image, 0, 0);
    canvas.classList.add("is-live");
  }
}
