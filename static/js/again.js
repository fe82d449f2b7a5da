// @ts-check
/**
 * Waits with the visitor of a busy server, and shows the page as soon as it can be had.
 * @module
 */

import { arrived, pause } from "./retrying.js";

/** @param {Element} line says how long it takes yet; holds what the server asked for in seconds */
export async function wait(line) {
  const first = pause(0, line.getAttribute("data-again"));
  await new Promise((done) => {
    count(line, first);
    setTimeout(done, first);
  });
  const came = await arrived(location.href, (milliseconds) => count(line, milliseconds));
  if (came) location.reload();
  else line.textContent = "Still busy. Try again in a minute.";
}

/**
 * @param {Element} line
 * @param {number} milliseconds
 */
function count(line, milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  line.textContent = `Trying again in ${seconds} second${seconds === 1 ? "" : "s"}.`;
}
