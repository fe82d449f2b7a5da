// @ts-check
/**
 * Writes numbers as the server's pages do.
 * @module
 */

const MINUS = "\u2212";
const SMALLEST = 0.001;
const LARGEST = 100_000;

const ALL = 100;

/**
 * What stays of a number that lies exactly between two of so many decimals where the lower one is
 * even: Python takes the even one, JavaScript the larger.
 * @param {string} exact with every digit that the number has
 * @param {number} decimals
 * @returns {string | undefined}
 */
function lowerEven(exact, decimals) {
  const end = exact.indexOf(".") + 1 + decimals;
  const kept = exact.slice(0, end);
  const even = "02468".includes(kept.replace(".", "").slice(-1));
  return even && /^50*$/.test(exact.slice(end)) ? kept : undefined;
}

/**
 * To a number of decimals.
 * @param {number} size
 * @param {number} decimals
 * @returns {string}
 */
function fixed(size, decimals) {
  const kept = lowerEven(size.toFixed(ALL), decimals);
  return (kept === undefined ? size : Number(kept)).toFixed(decimals);
}

/**
 * With an exponent, to a number of decimals.
 * @param {number} size
 * @param {number} decimals
 * @returns {string}
 */
function exponential(size, decimals) {
  const [digits = "", power = ""] = size.toExponential(ALL).split("e");
  const kept = lowerEven(digits, decimals);
  const text = kept === undefined ? size.toExponential(decimals) : `${kept}e${power}`;
  return text.replace("e+", "e").replace("e-", `e${MINUS}`);
}

/**
 * A value to some significant digits, with a true minus sign: `41.2`, `0.0312`.
 * @param {number} value
 * @param {number} [digits]
 * @returns {string}
 */
export function number(value, digits = 3) {
  if (value === 0) return "0";
  const [size, sign] = [Math.abs(value), value < 0 ? MINUS : ""];
  if (size < SMALLEST || size >= LARGEST) {
    return sign + exponential(size, digits - 2);
  }
  const rounded = Number(size.toExponential(digits - 1)); // may have a digit more: 9.999 is 10.0
  return sign + fixed(size, Math.max(0, digits - 1 - Math.floor(Math.log10(rounded))));
}

const NARROW = "\u202f";
const LEAST_SHARE = 0.0001;

/**
 * A share to two decimals; never 0 or 100 where it is not.
 * @param {number} share
 * @returns {string}
 */
export function percent(share) {
  if (share > 0 && share < LEAST_SHARE) return `<${NARROW}0.01${NARROW}%`;
  if (share < 1 && share > 1 - LEAST_SHARE) return `>${NARROW}99.99${NARROW}%`;
  return `${(100 * share).toFixed(2)}${NARROW}%`;
}
