// @ts-check
/**
 * Lets the spine follow a drawing: its line widths and the norms written beside them.
 * @module
 */

import { number } from "../format.js";

/** @typedef {import("./live-client.js").Block} Block */
/** @typedef {import("./dom-snapshot.js").Borrowed} Borrowed */

/**
 * @param {Borrowed} page
 * @param {readonly Block[]} blocks
 */
export function showSpine(page, blocks) {
  const width = widthsOf(blocks);
  /** @param {string} place @param {Record<string, number>} norms */
  const draw = (place, norms) => {
    for (const [line, norm] of Object.entries(norms)) {
      for (const path of document.querySelectorAll(`#${place} ${line} path:not(.leaving)`)) {
        page.attribute(path, "stroke-width", width(norm));
      }
    }
  };
  const [first, last] = [blocks[0], blocks[blocks.length - 1]];
  if (first) draw("stem", { ".tail": first.norm_input });
  if (last) draw("head", { ".rail-head .lead": last.norm_output });
  for (const one of blocks) {
    const projected = document.querySelector(`#${one.block} .node-projection`) !== null;
    draw(one.block, {
      ".rail-block > .lead": one.norm_input,
      ".rail-chain .grow": one.norm_input,
      ".identity-upper": projected ? one.norm_input : one.norm_x,
      ".identity-lower": one.norm_x,
      ".branch": one.norm_f,
      ".rail-tail .lead": one.norm_sum,
      ".rail-tail .grow": one.norm_output,
    });
    write(page, one);
  }
}

/**
 * @param {Borrowed} page
 * @param {Block} block
 */
function write(page, { block, norm_x, norm_f }) {
  const off = document.querySelector(`#${block} .is-off`) !== null;
  const values = {
    ".label-identity .value": number(norm_x),
    ".label-residual .value": off ? "off" : number(norm_f),
    ".norms .identity + span": number(norm_x),
    ".norms .residual + span": number(norm_f),
  };
  for (const [place, text] of Object.entries(values)) {
    const element = document.querySelector(`#${block} ${place}`);
    if (element) page.text(element, text);
  }
}

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
