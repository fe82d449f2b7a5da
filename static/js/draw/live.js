// @ts-check
/**
 * Drawing a digit: the page follows while one draws, and returns to its own digit afterwards.
 * @module
 */

import { send } from "../upload.js";
import { Switches } from "./block-toggles.js";
import { Borrowed } from "./dom-snapshot.js";
import { Latest, ask } from "./live-client.js";
import { Screen } from "./live-page.js";
import { Camera } from "./rasterize.js";
import { Drawing } from "./strokes.js";
import { Surface } from "./surface.js";
import { Tools } from "./toolbar.js";

/** @typedef {import("./live-client.js").Frame} Frame */
/** @typedef {import("./strokes.js").Stroke} Stroke */
/** @typedef {import("./live-client.js").Outcome<Frame | undefined>} Outcome */

const HELD = "Keep the digit first: then every map of it has a page.";
const TROUBLE = {
  busy: "The server is busy; the picture follows as soon as it can.",
  offline: "The server cannot be reached. Your drawing is safe; trying again…",
};

/** One page's drawing, opened and closed as often as one likes. */
export class Live {
  #drawing = new Drawing();
  #camera = new Camera();
  #address;
  /** @type {Latest<readonly Stroke[], Frame | undefined>} */
  #latest;
  #switches;
  #tools;
  #surface;
  #screen;

  /**
   * @param {HTMLFormElement} form the surface and its buttons
   * @param {() => void} closed
   */
  constructor(form, closed) {
    this.#tools = new Tools(form, this.#drawing, {
      changed: () => {
        this.#surface.release();
        this.#redrawn();
      },
      keep: () => void this.#keep(),
      close: () => {
        this.close();
        closed();
      },
    });
    const { canvas, given, spoken } = this.#tools;
    const width = () => this.#tools.width;
    this.#surface = new Surface(canvas, this.#drawing, width, () => this.#redrawn());
    this.#screen = new Screen(given, spoken, () => this.#changed());
    this.#address = new URL(form.dataset["draw"] ?? "", location.href);
    const off = this.#address.searchParams.get("off")?.split(",") ?? [];
    this.#switches = new Switches(new Borrowed(), off, {
      open: () => this.#tools.isOpen,
      changed: () => this.#changed(),
      held: () => this.#tools.say(HELD),
    });
    this.#latest = new Latest(
      (strokes) => this.#ask(strokes),
      (outcome) => this.#told(outcome),
      (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds)),
    );
  }

  open() {
    this.#tools.open();
    this.#screen.open();
    this.#redrawn();
  }

  close() {
    this.#surface.release();
    this.#latest.forget();
    this.#screen.close();
    this.#switches.reset();
    this.#tools.close();
  }

  #redrawn() {
    this.#surface.repaint();
    this.#tools.refresh();
    this.#changed();
    if (!this.#drawing.isEmpty) return;
    this.#latest.forget();
    this.#empty();
  }

  /** @param {readonly Stroke[]} strokes */
  async #ask(strokes) {
    this.#address.searchParams.set("layers", this.#screen.layers);
    const picture = await this.#camera.take(strokes);
    return ask(this.#switches.into(this.#address.href), picture);
  }

  /** Ask about the drawing as it is now, unless there is none. */
  #changed() {
    if (!this.#drawing.isEmpty) this.#latest.offer(this.#drawing.strokes);
  }

  #empty() {
    this.#tools.say("");
    this.#screen.clear();
  }

  /** @param {Outcome} outcome */
  #told(outcome) {
    if ("again" in outcome) this.#tools.say(TROUBLE[outcome.why], "failed");
    else if ("refusal" in outcome) this.#tools.say(outcome.refusal, "failed");
    else if (outcome.answer) {
      this.#tools.say(this.#surface.isBusy ? "" : outcome.answer.warnings.join(" "));
      this.#screen.follow(outcome.answer);
    } else this.#empty();
  }

  async #keep() {
    const { form } = this.#tools;
    form.action = this.#switches.into(form.action);
    const picture = await this.#camera.take(this.#drawing.strokes);
    await send(form, [new File([picture], "drawing.png", { type: picture.type })]);
  }
}
