// @ts-check
/**
 * Writes the look of maps into addresses, as the server does. Knows no elements.
 * @module
 */

/** A look, or a palette alone. @typedef {{ normalize?: string, palette: string }} Look */

/** What stands before the look in a query. */
const FIRST = ["network", "off", "a", "b", "off_a", "off_b"];
const BOTH = [/^\/$/, /^\/networks\//, /^\/digits$/, /\/layers\/[^/]+\/grid\.(png|json)$/];
const PALETTE_ALONE = [/^\/compare$/, /\/(strip|matrix)\.(png|json)$/, /\/kernels?\.png$/];

/**
 * An address of this site with another look; as it was where it takes none.
 * @param {string} address path, query and fragment; may hold a placeholder in braces
 * @param {Look} look
 * @param {Look} usual what goes without saying, and so is left out
 * @returns {string}
 */
export function withLook(address, look, usual) {
  const [, path = "", query = "", fragment = ""] = /^([^?#]*)\??([^#]*)(.*)$/.exec(address) ?? [];
  const both = BOTH.some((pattern) => pattern.test(path));
  if (!both && !PALETTE_ALONE.some((pattern) => pattern.test(path))) return address;
  const given = query.split("&").filter((pair) => pair && nameOf(pair) !== "palette");
  const first = given.filter((pair) => FIRST.includes(nameOf(pair)));
  const rest = given.filter((pair) => ![...FIRST, "normalize"].includes(nameOf(pair)));
  const said = [];
  const kept = given.find((pair) => nameOf(pair) === "normalize");
  if (look.normalize === undefined) said.push(...(kept ? [kept] : []));
  else if (both && look.normalize !== usual.normalize) said.push(`normalize=${look.normalize}`);
  if (look.palette !== usual.palette) said.push(`palette=${look.palette}`);
  const pairs = [...first, ...said, ...rest].join("&");
  return path + (pairs && `?${pairs}`) + fragment;
}

/** @param {string} pair */
function nameOf(pair) {
  return pair.split("=", 1)[0] ?? "";
}
