// @ts-check
/**
 * Tells screen readers what happens on the page.
 * @module
 */

/**
 * Add a line that is not shown: what it says is read out when it changes.
 * @returns {HTMLElement}
 */
export function addStatusLine() {
  const line = Object.assign(document.createElement("p"), { className: "visually-hidden" });
  line.setAttribute("role", "status");
  document.body.append(line);
  return line;
}
