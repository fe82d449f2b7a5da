// @ts-check
/**
 * Updates the network diagram for a drawing: line widths and the norms beside the lines.
 * @module
 */

import { number } from "../format.js";

/** @typedef {import("./live-client.js").BlockNorms} BlockNorms */
/** @typedef {import("./dom-snapshot.js").DomSnapshot} DomSnapshot */

// As on the server, in units of the diagram, which is 120 wide.
const MAX_WIDTH = 15;
const MIN_WIDTH = 1.5;

/**
 * @param {DomSnapshot} snapshot
 * @param {readonly BlockNorms[]} blocks
 */
export function updateDiagram(snapshot, blocks) {
  const widthOf = lineWidths(blocks);
  /** @param {string} id @param {Record<string, number>} norms by the selector of a line */
  const setWidths = (id, norms) => {
    for (const [line, norm] of Object.entries(norms)) {
      for (const path of document.querySelectorAll(`#${id} ${line} path:not(.fading)`)) {
        snapshot.setAttribute(path, "stroke-width", widthOf(norm));
      }
    }
  };
  const [first, last] = [blocks[0], blocks[blocks.length - 1]];
  if (first) setWidths("stem", { ".line-out": first.norm_input });
  if (last) setWidths("head", { ".diagram-head .line-in": last.norm_output });
  for (const norms of blocks) {
    const hasProjection = document.querySelector(`#${norms.block} .node-projection`) !== null;
    setWidths(norms.block, {
      ".diagram-block > .line-in": norms.norm_input,
      ".diagram-chain .line-stretch": norms.norm_input,
      ".identity-upper": hasProjection ? norms.norm_input : norms.norm_x,
      ".identity-lower": norms.norm_x,
      ".branch": norms.norm_residual,
      ".diagram-tail .line-in": norms.norm_sum,
      ".diagram-tail .line-stretch": norms.norm_output,
    });
    showNorms(snapshot, norms);
  }
}

/**
 * @param {DomSnapshot} snapshot
 * @param {BlockNorms} norms
 */
function showNorms(snapshot, { block, norm_x, norm_residual }) {
  const isDisabled = document.querySelector(`#${block} .is-disabled`) !== null;
  const texts = {
    ".label-identity .value": number(norm_x),
    ".label-residual .value": isDisabled ? "off" : number(norm_residual),
    ".norms .identity + span": number(norm_x),
    ".norms .residual + span": number(norm_residual),
  };
  for (const [selector, text] of Object.entries(texts)) {
    const element = document.querySelector(`#${block} ${selector}`);
    if (element) snapshot.setText(element, text);
  }
}

/**
 * Line widths in proportion to norms; the largest norm of any block has the maximum width.
 * @param {readonly BlockNorms[]} blocks
 * @returns {(norm: number) => string}
 */
export function lineWidths(blocks) {
  const norms = blocks.flatMap((block) =>
    [block.norm_input, block.norm_x, block.norm_residual, block.norm_sum]);
  const largest = Math.max(0, ...norms) || 1;
  return (norm) => {
    const width = MAX_WIDTH * Math.min(norm / largest, 1);
    return String(Number(Math.max(MIN_WIDTH, width).toFixed(2)));
  };
}
