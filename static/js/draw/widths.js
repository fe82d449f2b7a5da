// @ts-check
/**
 * How wide the lines of the spine are, as the server's pages have it. Knows no elements.
 * @module
 */

/** @typedef {import("./frames.js").Block} Block */

const WIDEST = 15; // of the rail's 120 units across
const THINNEST = 1.5;

/**
 * Works widths out from norms, all on the scale of the largest of any block.
 * @param {readonly Block[]} blocks
 * @returns {(norm: number) => string}
 */
export function widthsOf(blocks) {
  const norms = blocks.flatMap((one) => [one.norm_input, one.norm_x, one.norm_f, one.norm_sum]);
  const largest = Math.max(0, ...norms) || 1;
  return (norm) =>
    String(Number(Math.max(THINNEST, WIDEST * Math.min(norm / largest, 1)).toFixed(2)));
}
