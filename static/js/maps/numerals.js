// @ts-check
/**
 * Numerals of 3 by 5 pixels, for the indices beside the maps of a grid.
 * @module
 */

const WIDTH = 3;
const GLYPHS = [
  "### #.# #.# #.# ###",
  ".#. ##. .#. .#. ###",
  "### ..# ### #.. ###",
  "### ..# .## ..# ###",
  "#.# #.# ### ..# ..#",
  "### #.. ### ..# ###",
  "### #.. ### #.# ###",
  "### ..# .#. .#. .#.",
  "### #.# ### #.# ###",
  "### #.# ### ..# ###",
].map((rows) => rows.split(" "));

/**
 * Where a number has ink.
 * @param {number} number
 * @returns {[x: number, y: number][]}
 */
export function ink(number) {
  return [...String(number)].flatMap((numeral, at) =>
    (GLYPHS[Number(numeral)] ?? []).flatMap((row, y) =>
      [...row].flatMap((pixel, x) =>
        pixel === "#" ? [/** @type {[number, number]} */ ([at * (WIDTH + 1) + x, y])] : [])));
}
