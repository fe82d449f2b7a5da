// @ts-check
/**
 * Links in the maps section while someone draws: toggles of blocks work in place, and all others
 * are blocked, because they lead to the page's own digit.
 * @module
 */

/** @typedef {import("./dom-snapshot.js").DomSnapshot} DomSnapshot */

const TOGGLES = ".branch, .norms a";

/** The blocks whose residual branch is disabled. */
export class BlockToggles {
  #snapshot;
  #initial;
  #disabled;

  /**
   * @param {DomSnapshot} snapshot used by nothing else
   * @param {readonly string[]} disabled blocks at the start
   * @param {{ isActive: () => boolean, onToggle: () => void, onOtherLink: () => void }} handlers
   */
  constructor(snapshot, disabled, { isActive, onToggle, onOtherLink }) {
    this.#snapshot = snapshot;
    this.#initial = disabled;
    this.#disabled = new Set(disabled);
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
   * Add the disabled blocks to an address.
   * @param {string} address
   * @returns {string}
   */
  addTo(address) {
    const url = new URL(address, location.href);
    if (this.#disabled.size) url.searchParams.set("off", [...this.#disabled].join(","));
    else url.searchParams.delete("off");
    return url.href;
  }

  reset() {
    this.#disabled = new Set(this.#initial);
    this.#snapshot.restore();
  }

  /** @param {Element} section of a block */
  #toggle(section) {
    const block = section.id;
    const isDisabled = !this.#disabled.delete(block);
    if (isDisabled) this.#disabled.add(block);
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
