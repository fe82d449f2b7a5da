// @ts-check
/**
 * Asks again for what did not arrive, pictures among it, and leaves the server time in between.
 * @module
 */

const ATTEMPTS = 5;
const LONGEST = 30_000;
const WORTH_WAITING = new Set([408, 429, 502, 503, 504]);

/**
 * How long to wait: twice as long each time, at least as long as the server asked for, and not all
 * at the same moment.
 * @param {number} attempt from 0
 * @param {string | null} [retryAfter] the header, in seconds
 * @param {number} [chance] from 0 to 1
 * @returns {number} milliseconds
 */
export function pause(attempt, retryAfter = null, chance = Math.random()) {
  const asked = Number(retryAfter) * 1000 || 0;
  return Math.min(LONGEST, Math.max(asked, 1000 * 2 ** attempt) * (1 + chance / 4));
}

/** @param {number} milliseconds */
const rest = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * @param {string} address
 * @returns {Promise<{ came: boolean, worth: boolean, after: string | null }>}
 */
async function ask(address) {
  try {
    const { ok, status, headers } = await fetch(address, { headers: { Accept: "*/*" } });
    return { came: ok, worth: WORTH_WAITING.has(status), after: headers.get("Retry-After") };
  } catch {
    return { came: false, worth: true, after: null };
  }
}

/**
 * Ask until it comes, it is plain that it will not, or it has been asked for often enough.
 * @param {string} address
 * @param {(milliseconds: number) => void} [waits] told before each pause
 * @returns {Promise<boolean>} whether it came
 */
export async function arrived(address, waits) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { came, worth, after } = await ask(address);
    if (came || !worth) return came;
    const milliseconds = pause(attempt, after);
    waits?.(milliseconds);
    await rest(milliseconds);
  }
  return false;
}

/** @typedef {HTMLImageElement | SVGImageElement} Picture */

/** @type {Map<string, Set<Picture>>} what waits for an address */
const waiting = new Map();
/** @type {Set<string>} addresses that came and still could not be shown */
const damaged = new Set();

/** @param {Picture} picture */
function addressOf(picture) {
  return picture instanceof HTMLImageElement ? picture.currentSrc : picture.href.baseVal;
}

/** @param {Picture} picture */
function show(picture) {
  picture.removeAttribute("data-state");
  if (picture instanceof HTMLImageElement) {
    picture.src = picture.getAttribute("src") ?? "";
    return;
  }
  const address = picture.href.baseVal;
  picture.removeAttribute("href");
  picture.setAttribute("href", address);
}

/**
 * Ask for a picture again; every element that shows it waits for one answer.
 * @param {Picture} picture
 */
export async function again(picture) {
  const address = addressOf(picture);
  const others = waiting.get(address);
  picture.setAttribute("data-state", "waiting");
  if (others) {
    others.add(picture);
    return;
  }
  const all = new Set([picture]);
  waiting.set(address, all);
  const came = !damaged.has(address) && (await arrived(address));
  waiting.delete(address);
  if (came) {
    damaged.add(address);
    for (const one of all) show(one);
    return;
  }
  damaged.delete(address);
  for (const one of all) replace(one);
}

/**
 * Put words and a button in its place: one for a picture, one for a list that is cut from it.
 * @param {Picture} picture
 */
function replace(picture) {
  picture.setAttribute("data-state", "missing");
  const cut = picture instanceof SVGImageElement;
  const list = picture.closest("ul.tiles, ul.samples, ul.parts");
  const whole = list ?? picture.closest("picture, svg") ?? picture;
  const place = whole.closest("a") ?? whole;
  if (place.previousElementSibling?.matches(".missing")) return;
  if (place.nextElementSibling?.matches(".missing")) return;
  const size = picture.getBoundingClientRect();
  const box = document.createElement("div");
  box.className = "missing";
  box.setAttribute("role", "group");
  if (!cut) {
    box.style.width = `${Math.max(size.width, 144)}px`;
    box.style.minHeight = `${size.height}px`;
    whole.setAttribute("hidden", "");
  }
  const words = document.createElement("p");
  words.textContent = "This picture did not arrive.";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Retry";
  button.addEventListener("click", () => {
    box.remove();
    whole.removeAttribute("hidden");
    for (const one of whole.querySelectorAll("[data-state=missing]")) {
      if (one instanceof HTMLImageElement || one instanceof SVGImageElement) void again(one);
    }
    if (whole === picture) void again(picture);
  });
  box.append(words, button);
  if (cut) place.before(box);
  else place.after(box);
}
