// @ts-check
/**
 * Says which filter the pointer is on, and makes a click lead to that filter's page.
 * @module
 */

import { cellAt, describe } from "./cells.js";

/**
 * @param {HTMLImageElement} image
 * @returns {Promise<import("./cells.js").Grid | undefined>}
 */
async function gridOf(image) {
  try {
    const response = await fetch(image.currentSrc.replace("/grid.png", "/grid.json"));
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Watch one figure.
 * @param {HTMLElement} figure
 */
export function point(figure) {
  const image = figure.querySelector("img");
  const link = figure.querySelector("a");
  if (!image || !link) return;
  const line = document.createElement("p");
  line.className = "pointed";
  figure.querySelector(".legend")?.append(line);
  const home = link.href;
  /** @type {Promise<import("./cells.js").Grid | undefined> | undefined} */
  let loading;
  image.addEventListener("pointermove", async (event) => {
    loading ??= gridOf(image);
    const grid = await loading;
    const box = image.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const place = grid && cellAt(grid, x, y);
    line.textContent = place ? describe(place) : "";
    const filter = place ? String(place.cell.filter) : undefined;
    const there = figure.dataset["filterHref"];
    link.href = filter && there ? there.replace("{filter}", filter) : home;
  });
  image.addEventListener("pointerleave", () => {
    line.textContent = "";
    link.href = home;
  });
}
