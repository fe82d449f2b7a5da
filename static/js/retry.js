// @ts-check
/**
 * Repeats requests that failed, with growing pauses, and shows a button where an image stays
 * missing.
 * @module
 */

/** @typedef {HTMLImageElement | SVGImageElement} Picture */

const ATTEMPTS = 5;
const MAX_DELAY_MS = 30_000;
const MIN_PLACEHOLDER_WIDTH_PX = 144;
const RETRYABLE_STATUSES = new Set([408, 429, 502, 503, 504]);

/** Images that wait for the same address. @type {Map<string, Set<Picture>>} */
const waiting = new Map();
/** Addresses that were fetched and still failed to decode. @type {Set<string>} */
const undecodable = new Set();

/** Whether an answer with a status is worth asking for again: also that of a proxy without its server.
 * @param {number} status
 */
export function isRetryable(status) {
  return RETRYABLE_STATUSES.has(status);
}

/**
 * How long to wait before the next attempt: twice as long each time, at least what the server asked
 * for, and up to a quarter longer at random so that clients do not return all at once.
 * @param {number} attempt from 0
 * @param {string | null} [retryAfter] the header, in seconds
 * @param {number} [random] 0 to 1
 * @returns {number} milliseconds
 */
export function retryDelay(attempt, retryAfter = null, random = Math.random()) {
  const requested = Number(retryAfter) * 1000 || 0;
  return Math.min(MAX_DELAY_MS, Math.max(requested, 1000 * 2 ** attempt) * (1 + random / 4));
}

/** @param {number} milliseconds */
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * @param {string} address
 * @returns {Promise<{ ok: boolean, retryable: boolean, retryAfter: string | null }>}
 */
async function attemptFetch(address) {
  try {
    const { ok, status, headers } = await fetch(address, { headers: { Accept: "*/*" } });
    return { ok, retryable: isRetryable(status), retryAfter: headers.get("Retry-After") };
  } catch {
    return { ok: false, retryable: true, retryAfter: null };
  }
}

/**
 * Fetch until it succeeds, fails for good, or has failed often enough.
 * @param {string} address
 * @param {(milliseconds: number) => void} [onWait] called before each pause
 * @returns {Promise<boolean>} whether it succeeded
 */
export async function fetchWithRetry(address, onWait) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { ok, retryable, retryAfter } = await attemptFetch(address);
    if (ok || !retryable) return ok;
    const milliseconds = retryDelay(attempt, retryAfter);
    onWait?.(milliseconds);
    await sleep(milliseconds);
  }
  return false;
}

/**
 * Request an image again. All elements that show the same address share one request.
 * @param {Picture} picture
 */
export async function retryImage(picture) {
  const address = addressOf(picture);
  const others = waiting.get(address);
  picture.setAttribute("data-state", "waiting");
  if (others) {
    others.add(picture);
    return;
  }
  const pictures = new Set([picture]);
  waiting.set(address, pictures);
  const fetched = !undecodable.has(address) && (await fetchWithRetry(address));
  waiting.delete(address);
  if (fetched) undecodable.add(address); // if it fails once more, fetching it cannot help
  else undecodable.delete(address);
  const stillWaiting = [...pictures].filter((one) => // the page may have given one another address
    one.dataset["state"] === "waiting" && addressOf(one) === address);
  stillWaiting.forEach(fetched ? reload : showMissing);
}

/** @param {Picture} picture */
function addressOf(picture) {
  return picture instanceof HTMLImageElement ? picture.currentSrc : picture.href.baseVal;
}

/** @param {Picture} picture */
function reload(picture) {
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
 * Show a message and a button in place of an image; once for a list of crops from one sprite sheet.
 * @param {Picture} picture
 */
function showMissing(picture) {
  picture.setAttribute("data-state", "missing");
  const isCrop = picture instanceof SVGImageElement;
  const list = picture.closest("ul.tiles, ul.samples, ul.parts");
  const replaced = list ?? picture.closest("picture, svg") ?? picture;
  const anchor = replaced.closest("a") ?? replaced;
  if (anchor.previousElementSibling?.matches(".missing-image")) return;
  if (anchor.nextElementSibling?.matches(".missing-image")) return;
  const box = missingBox(() => {
    box.remove();
    replaced.removeAttribute("data-missing");
    for (const missing of replaced.querySelectorAll("[data-state=missing]")) {
      if (missing instanceof HTMLImageElement || missing instanceof SVGImageElement) {
        void retryImage(missing);
      }
    }
    if (replaced === picture) void retryImage(picture);
  });
  if (isCrop) {
    anchor.before(box);
    return;
  }
  const { width, height } = picture.getBoundingClientRect();
  box.style.width = `${Math.max(width, MIN_PLACEHOLDER_WIDTH_PX)}px`;
  box.style.minHeight = `${height}px`;
  replaced.setAttribute("data-missing", "");
  anchor.after(box);
}

/** @param {() => void} retry */
function missingBox(retry) {
  const box = document.createElement("div");
  box.className = "missing-image";
  box.setAttribute("role", "group");
  const message = document.createElement("p");
  message.textContent = "This picture did not load.";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Retry";
  button.addEventListener("click", retry);
  box.append(message, button);
  return box;
}
