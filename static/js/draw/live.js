// @ts-check
/**
 * Live drawing: sends each change to the server and shows the answer all over the page, until the
 * drawing is saved or closed.
 * @module
 */

import { uploadImage } from "../upload.js";
import { BlockToggles, parseScales } from "./block-toggles.js";
import { DomSnapshot } from "./dom-snapshot.js";
import { LatestOnly, requestFrame } from "./live-client.js";
import { LivePage } from "./live-page.js";
import { Rasterizer } from "./rasterize.js";
import { Drawing } from "./strokes.js";
import { DrawingSurface } from "./surface.js";
import { Toolbar } from "./toolbar.js";

/** @typedef {import("./live-client.js").Frame} Frame */
/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {import("./live-client.js").Outcome<Frame | undefined>} Outcome */

const SAVE_FIRST = "Save the digit first. Then each of its maps has a page.";
const PROBLEMS = {
  busy: "The server is busy. The page will follow your drawing as soon as it can.",
  offline: "The server cannot be reached. Your drawing is safe; trying again…",
};

/** The drawing of a page, which can be opened and closed repeatedly. */
export class LiveDrawing {
  #drawing = new Drawing();
  #rasterizer = new Rasterizer();
  #address;
  /** @type {LatestOnly<readonly Stroke[], Frame | undefined>} */
  #requests;
  #toggles;
  #toolbar;
  #surface;
  #page;
  /** Stays until the visitor's next action: an answer on its way must not erase it. */
  #notice = "";

  /**
   * @param {HTMLFormElement} form with the surface and its buttons
   * @param {() => void} onClose
   */
  constructor(form, onClose) {
    this.#toolbar = new Toolbar(form, this.#drawing, {
      onChange: () => {
        this.#surface.endStroke();
        this.#handleStrokes();
      },
      onSave: () => void this.#save(),
      onClose: () => {
        this.close();
        onClose();
      },
    });
    const { canvas, networkInput, announcement } = this.#toolbar;
    const width = () => this.#toolbar.strokeWidth;
    this.#surface = new DrawingSurface(canvas, this.#drawing, width, () => this.#handleStrokes());
    this.#page = new LivePage(networkInput, announcement, () => this.#requestFrame());
    this.#address = new URL(form.dataset["draw"] ?? "", location.href);
    const scales = parseScales(this.#address.searchParams.get("scale"));
    this.#toggles = new BlockToggles(new DomSnapshot(), scales, {
      isActive: () => this.#toolbar.isOpen,
      onToggle: () => {
        this.#notice = "";
        this.#requestFrame();
      },
      onOtherLink: () => {
        this.#notice = SAVE_FIRST;
        this.#toolbar.showMessage(SAVE_FIRST);
      },
    });
    this.#requests = new LatestOnly(
      (strokes) => this.#send(strokes),
      (outcome) => this.#handleOutcome(outcome),
      (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds)),
    );
  }

  open() {
    this.#toolbar.open();
    this.#page.open();
    this.#handleStrokes();
  }

  close() {
    this.#surface.endStroke();
    this.#requests.cancel();
    this.#page.close();
    this.#toggles.reset();
    this.#toolbar.close();
  }

  #handleStrokes() {
    this.#notice = "";
    this.#surface.repaint();
    this.#toolbar.update();
    this.#requestFrame();
    if (!this.#drawing.isEmpty) return;
    this.#requests.cancel();
    this.#showEmpty();
  }

  #requestFrame() {
    if (!this.#drawing.isEmpty) this.#requests.submit(this.#drawing.strokes);
  }

  /** @param {readonly Stroke[]} strokes */
  async #send(strokes) {
    this.#address.searchParams.set("layers", this.#page.layers);
    const png = await this.#rasterizer.toPng(strokes);
    return requestFrame(this.#toggles.addTo(this.#address.href), png);
  }

  #showEmpty() {
    this.#toolbar.showMessage("");
    this.#page.clear();
  }

  /** @param {Outcome} outcome */
  #handleOutcome(outcome) {
    if ("cause" in outcome) this.#toolbar.showMessage(PROBLEMS[outcome.cause], "failed");
    else if ("error" in outcome) this.#toolbar.showMessage(outcome.error, "failed");
    else if (outcome.answer) {
      const warnings = this.#surface.isDrawing ? "" : outcome.answer.warnings.join(" ");
      this.#toolbar.showMessage(this.#notice || warnings);
      this.#page.update(outcome.answer);
    } else this.#showEmpty();
  }

  async #save() {
    const { form } = this.#toolbar;
    form.action = this.#toggles.addTo(form.action);
    const png = await this.#rasterizer.toPng(this.#drawing.strokes);
    await uploadImage(form, [new File([png], "drawing.png", { type: png.type })]);
  }
}
