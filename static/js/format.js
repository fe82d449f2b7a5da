// @ts-check
/**
 * Formats numbers exactly as the server does, with ties rounded to even.
 * @module
 */

const MINUS = "\u2212";
const SMALLEST_FIXED = 0.001; // smaller ones are written with an exponent
const LARGEST_FIXED = 100_000;
const ALL_DECIMALS = 100;

/**
 * The truncated number, if it lies exactly half-way between two candidates and the lower one is
 * even. JavaScript rounds such a tie up, Python to the even candidate.
 * @param {string} exact with all its digits
 * @param {number} decimals
 * @returns {string | undefined}
 */
function truncatedTie(exact, decimals) {
  const end = exact.indexOf(".") + 1 + decimals;
  const truncated = exact.slice(0, end);
  const isEven = "02468".includes(truncated.replace(".", "").slice(-1));
  return isEven && /^50*$/.test(exact.slice(end)) ? truncated : undefined;
}

/**
 * @param {number} size at least 0
 * @param {number} decimals
 * @returns {string}
 */
function fixed(size, decimals) {
  const truncated = truncatedTie(size.toFixed(ALL_DECIMALS), decimals);
  return (truncated === undefined ? size : Number(truncated)).toFixed(decimals);
}

/**
 * @param {number} size at least 0
 * @param {number} decimals
 * @returns {string} `1.2e−5`
 */
function exponential(size, decimals) {
  const [mantissa = "", power = ""] = size.toExponential(ALL_DECIMALS).split("e");
  const truncated = truncatedTie(mantissa, decimals);
  const text = truncated === undefined ? size.toExponential(decimals) : `${truncated}e${power}`;
  return text.replace("e+", "e").replace("e-", `e${MINUS}`);
}

/**
 * A value to some significant digits, with a true minus sign: `41.2`, `0.0312`.
 * @param {number} value
 * @param {number} digits
 * @returns {string}
 */
export function number(value, digits) {
  if (value === 0) return "0";
  const [size, sign] = [Math.abs(value), value < 0 ? MINUS : ""];
  if (size < SMALLEST_FIXED || size >= LARGEST_FIXED) {
    return sign + exponential(size, digits - 2);
  }
  const rounded = Number(size.toExponential(digits - 1)); // may gain a digit: 9.999 becomes 10.0
  return sign + fixed(size, Math.max(0, digits - 1 - Math.floor(Math.log10(rounded))));
}
