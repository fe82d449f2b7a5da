// @ts-check
/**
 * Tells the page that shows this one in a frame how large its content is, whenever that changes.
 * @module
 */

const body = document.body;

/** Sizes in CSS pixels. */
function tellSize() {
  const { width, height } = body.getBoundingClientRect();
  const size = { type: "skiplens:size", width: Math.ceil(width), height: Math.ceil(height) };
  window.parent.postMessage(size, "*"); // a size is no secret
}

new ResizeObserver(tellSize).observe(body);
