// @ts-check
/**
 * Links among the maps while one draws: branches are switched in place, and the others, which lead
 * to the page's own digit, wait until the drawing is kept.
 * @module
 */

/** @typedef {import("./dom-snapshot.js").Borrowed} Borrowed */

const SWITCH = ".branch, .norms a";

/** Which blocks' residual branches are off. */
export class Switches {
  #page;
  #first;
  #off;

  /**
   * @param {Borrowed} page for this alone
   * @param {readonly string[]} off to begin with
   * @param {{ open: () => boolean, changed: () => void, held: () => void }} then
   */
  constructor(page, off, then) {
    this.#page = page;
    this.#first = off;
    this.#off = new Set(off);
    document.querySelector(".maps-section")?.addEventListener("click", (event) => {
      const link = event.target instanceof Element && event.target.closest("a[href]");
      if (!link || !then.open()) return;
      event.preventDefault();
      const stage = link.closest(".stage");
      if (!stage || !link.matches(SWITCH)) {
        then.held();
        return;
      }
      this.#toggle(stage);
      then.changed();
    });
  }

  /**
   * Write the blocks that are off into an address.
   * @param {string} address
   * @returns {string}
   */
  into(address) {
    const url = new URL(address, location.href);
    if (this.#off.size) url.searchParams.set("off", [...this.#off].join(","));
    else url.searchParams.delete("off");
    return url.href;
  }

  /** As it was to begin with. */
  reset() {
    this.#off = new Set(this.#first);
    this.#page.restore();
  }

  /** @param {Element} stage */
  #toggle(stage) {
    const block = stage.id;
    const off = !this.#off.delete(block);
    if (off) this.#off.add(block);
    const act = off ? "on" : "off";
    const page = this.#page;
    const rail = stage.querySelector(".rail-block");
    if (rail) page.attribute(rail, "class", `rail rail-block${off ? " is-off" : ""}`);
    for (const figure of stage.querySelectorAll("[data-switch]")) {
      page.attribute(figure, "data-switch", off ? "off" : "on");
    }
    for (const element of stage.querySelectorAll(".act, .norms a")) {
      page.text(element, (element.textContent ?? "").replace(/(on|off)$/, act));
    }
  }
}
