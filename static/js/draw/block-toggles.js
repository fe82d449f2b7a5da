// @ts-check
/**
 * Links in the maps section while someone draws: toggles of blocks work in place, and all others
 * are blocked, because they lead to the page's own digit.
 * @module
 */

/** @typedef {import("./dom-snapshot.js").DomSnapshot} DomSnapshot */

const TOGGLES = ".branch, .norms a";

/**
 * The factors of residual branches that a query names.
 * @param {string | null} scale `block2:0,block5:0.5`
 * @returns {Map<string, string>}
 */
export function parseScales(scale) {
  const pairs = scale ? scale.split(",") : [];
  return new Map(pairs.map((pair) => {
    const colon = pair.lastIndexOf(":");
    return [pair.slice(0, colon), pair.slice(colon + 1)];
  }));
}

/** The factors of residual branches; a click sets one to 0, which disables it, or back to 1. */
export class BlockToggles {
  #snapshot;
  #initial;
  #scales;

  /**
   * @param {DomSnapshot} snapshot used by nothing else
   * @param {ReadonlyMap<string, string>} scales by block, at the start
   * @param {{ isActive: () => boolean, onToggle: () => void, onOtherLink: () => void }} handlers
   */
  constructor(snapshot, scales, { isActive, onToggle, onOtherLink }) {
    this.#snapshot = snapshot;
    this.#initial = scales;
    this.#scales = new Map(scales);
    document.querySelector(".maps-section")?.addEventListener("click", (event) => {
      const link = event.target instanceof Element && event.target.closest("a[href]");
      if (!link || !isActive()) return;
      event.preventDefault();
      const section = link.closest(".network-section");
      if (!section || !link.matches(TOGGLES)) {
        onOtherLink();
        return;
      }
      this.#toggle(section);
      onToggle();
    });
  }

  /**
   * Add the factors to an address.
   * @param {string} address
   * @returns {string}
   */
  addTo(address) {
    const url = new URL(address, location.href);
    const pairs = [...this.#scales].map(([block, factor]) => `${block}:${factor}`);
    if (pairs.length) url.searchParams.set("scale", pairs.join(","));
    else url.searchParams.delete("scale");
    return url.href;
  }

  reset() {
    this.#scales = new Map(this.#initial);
    this.#snapshot.restore();
  }

  /** @param {Element} section of a block */
  #toggle(section) {
    const block = section.id;
    const isDisabled = Number(this.#scales.get(block) ?? 1) !== 0;
    if (isDisabled) this.#scales.set(block, "0");
    else this.#scales.delete(block);
    const snapshot = this.#snapshot;
    const diagram = section.querySelector(".diagram-block");
    if (diagram) {
      const disabled = isDisabled ? " is-disabled" : "";
      snapshot.setAttribute(diagram, "class", `diagram diagram-block${disabled}`);
    }
    for (const figure of section.querySelectorAll("[data-switch]")) {
      snapshot.setAttribute(figure, "data-switch", isDisabled ? "off" : "on");
    }
    const action = isDisabled ? "on" : "off";
    for (const element of section.querySelectorAll(".toggle-text, .norms a")) {
      snapshot.setText(element, (element.textContent ?? "").replace(/(on|off)$/, action));
    }
  }
}
