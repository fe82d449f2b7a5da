// @ts-check
/**
 * Connects what every page has: theme, keyboard, failed images and the connection. Every first
 * visit loads it, so it stays small.
 * @module
 */

/** The path below which the site lies; address.js has it for modules that are loaded later. */
const ROOT = document.documentElement.dataset["root"] ?? "";
/** As in swap.js, which is not loaded before it is needed. */
const CHANGED = "skiplens:changed";
/** As in storage.js, which is not loaded before it is needed. */
const session = (() => {
  try {
    return sessionStorage;
  } catch {
    return undefined;
  }
})();
const YEAR_S = 365 * 24 * 3600;

/** @param {string} theme */
function applyTheme(theme) {
  document.documentElement.dataset["theme"] = theme;
  for (const button of document.querySelectorAll("[data-theme-choice] button")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("value") === theme));
  }
  if (document.querySelector(".palette-theme")) void showMapsInTheme();
}

/** Fetch the page again, with the pictures of maps that fit the theme. */
async function showMapsInTheme() {
  const { showPage } = await import("./swap.js");
  await showPage(() => location.href, { history: "none" });
}

/** Change the theme in place; a page from the browser's history takes the theme chosen since. */
function wireTheme() {
  for (const form of document.querySelectorAll("form[data-theme-choice]")) {
    form.addEventListener("submit", (event) => {
      if (!(event instanceof SubmitEvent) || !event.submitter) return;
      event.preventDefault();
      const theme = event.submitter.getAttribute("value");
      if (!theme) return;
      document.cookie = `theme=${theme}; Max-Age=${YEAR_S}; Path=${ROOT}/; SameSite=Lax`;
      applyTheme(theme);
    });
  }
  window.addEventListener("pageshow", () => {
    const chosen = /(?:^|; )theme=(\w+)/.exec(document.cookie)?.[1];
    if (chosen && chosen !== document.documentElement.dataset["theme"]) applyTheme(chosen);
  });
}

/** Scroll the sections, where they have not room side by side, to the current one. */
function showCurrentSection() {
  const row = document.querySelector(".sections");
  const current = row?.querySelector("[aria-current]");
  if (!row || !current) return;
  const [outer, inner] = [row.getBoundingClientRect(), current.getBoundingClientRect()];
  row.scrollLeft += inner.left + inner.width / 2 - outer.left - outer.width / 2;
}

/** Load the keyboard shortcuts with the first key, and hand them every key pressed meanwhile. */
function wireKeyboard() {
  /** @type {typeof import("./keyboard/keyboard.js").handleKey | undefined} */
  let handleKey;
  /** @type {[KeyboardEvent, { stoppedScrolling: boolean }][]} */
  const pending = [];
  document.addEventListener("keydown", async (event) => {
    if (handleKey) return handleKey(event);
    const target = event.target instanceof Element ? event.target : undefined;
    const isTyping = target?.closest("input, select, dialog");
    const stoppedScrolling = event.key.startsWith("Page") && !isTyping && !event.defaultPrevented;
    if (stoppedScrolling) event.preventDefault(); // it would scroll before the module is loaded
    if (pending.push([event, { stoppedScrolling }]) > 1) return;
    const module = await import("./keyboard/keyboard.js").catch(() => undefined);
    handleKey = module?.handleKey;
    for (const key of pending.splice(0)) handleKey?.(...key); // or the next key tries again
  });
  const button = document.querySelector("[data-keyboard]");
  button?.removeAttribute("hidden");
  button?.addEventListener("click", async () =>
    (await import("./keyboard/shortcuts.js")).showShortcuts());
}

/** @type {Promise<boolean> | undefined} */
let runningCheck;

/** Asks the server: `navigator.onLine` knows nothing of it, least of all on the same machine. */
async function isServerReachable() {
  try {
    return (await fetch(`${ROOT}/healthz`, { cache: "no-store" })).status < 600;
  } catch {
    return false;
  }
}

/**
 * Show whether the connection is lost; when it is back, load the images that failed meanwhile.
 * @param {{ restart?: boolean }} [options] `restart`: do not wait for a check that is under way,
 *   since the connection may have changed after it began
 */
async function checkConnection({ restart = false } = {}) {
  const check = (restart ? undefined : runningCheck) ?? isServerReachable();
  runningCheck = check;
  const isLost = !(await check);
  if (runningCheck !== check) return; // a newer one tells
  runningCheck = undefined;
  const root = document.documentElement;
  const wasLost = "offline" in root.dataset;
  root.toggleAttribute("data-offline", isLost);
  document.querySelector("[data-connection]")?.toggleAttribute("hidden", !isLost);
  if (isLost || !wasLost) return;
  for (const image of document.querySelectorAll("[data-state=unasked]")) void handleFailedImage(image);
}

/** Addresses of pictures in SVG that have failed: they do not tell it again. @type {Set<string>} */
const failedCrops = new Set();

/** @param {EventTarget | null} image */
async function handleFailedImage(image) {
  if (!(image instanceof HTMLImageElement || image instanceof SVGImageElement)) return;
  if (image instanceof SVGImageElement) failedCrops.add(image.href.baseVal);
  image.dataset["state"] = "unasked";
  void checkConnection();
  const module = await import("./retry.js").catch(() => undefined); // fails without a connection
  void module?.retryImage(image);
}

/** Retry images that have failed, unless that is under way or was in vain. */
function retryFailed() {
  for (const image of document.images) {
    const hasFailed = image.complete && image.naturalWidth === 0 && image.currentSrc;
    if (hasFailed && !image.dataset["state"]) void handleFailedImage(image);
  }
  for (const image of document.querySelectorAll("svg image:not([data-state])")) {
    if (!(image instanceof SVGImageElement)) continue;
    if (failedCrops.has(image.href.baseVal)) void handleFailedImage(image);
  }
}

/** Retry images that fail from now on, and those that failed before this module ran. */
function wireImages() {
  document.addEventListener("error", ({ target }) => void handleFailedImage(target), {
    capture: true,
  });
  document.addEventListener("load", ({ target }) => {
    if (target instanceof SVGImageElement) failedCrops.delete(target.href.baseVal);
  }, { capture: true });
  document.addEventListener(CHANGED, retryFailed); // the change removed the messages about missing ones
  retryFailed();
  const entries = /** @type {PerformanceResourceTiming[]} */ (
    performance.getEntriesByType("resource")
  );
  const failed = entries.filter((entry) => entry.responseStatus >= 400 || !entry.decodedBodySize);
  const addresses = new Set(failed.map((entry) => entry.name));
  for (const image of document.querySelectorAll("svg image")) { // these do not say that they failed
    const address = image.getAttribute("href");
    if (address && addresses.has(new URL(address, location.href).href)) {
      void handleFailedImage(image);
    }
  }
}

/** Mark the page as busy while the next one loads; without a connection stay on it. */
function wireNavigation() {
  const main = document.getElementById("main");
  const clearBusy = () => main?.removeAttribute("aria-busy");
  window.addEventListener("pageshow", clearBusy);
  window.navigation?.addEventListener("navigate", (event) => {
    const { pathname, origin } = new URL(event.destination.url);
    const isDownload = event.downloadRequest !== null || pathname.startsWith(`${ROOT}/api/`);
    const isInPlace = event.hashChange || event.destination.sameDocument;
    if (isInPlace || isDownload || origin !== location.origin) return;
    if ("offline" in document.documentElement.dataset && event.cancelable) {
      event.preventDefault();
      void checkConnection();
      return;
    }
    main?.setAttribute("aria-busy", "true");
    event.signal.addEventListener("abort", clearBusy);
  });
}

/** Check the connection when the browser reports a change, or on request. */
function wireConnection() {
  const check = () => void checkConnection({ restart: true });
  for (const name of ["offline", "online"]) window.addEventListener(name, check);
  document.querySelector("[data-connection] button")?.addEventListener("click", check);
  if (!navigator.onLine) check();
}

/** Tell screen readers the prediction if it differs from that of the page before. */
function announcePrediction() {
  const line = document.querySelector("[data-prediction]");
  if (!line) return;
  const prediction = line.getAttribute("data-prediction") ?? "";
  const previous = session?.getItem("answer");
  if (prediction === previous) return;
  if (previous) line.textContent = prediction;
  session?.setItem("answer", prediction);
}

/** Reload the page of a busy server when it can answer. @param {Element} line shows the wait */
async function retryBusyPage(line) {
  const { fetchWithRetry, retryDelay } = await import("./retry.js");
  const delay = retryDelay(0, line.getAttribute("data-retry-after")); // in seconds
  await new Promise((resolve) => {
    showWait(line, delay);
    setTimeout(resolve, delay);
  });
  const succeeded = await fetchWithRetry(location.href, (wait) => showWait(line, wait));
  if (succeeded) location.reload();
  else line.textContent = "Still busy. Try again in a minute.";
}

/**
 * @param {Element} line
 * @param {number} milliseconds
 */
function showWait(line, milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  line.textContent = `Trying again in ${seconds} second${seconds === 1 ? "" : "s"}.`;
}

wireTheme();
showCurrentSection();
wireKeyboard();
wireImages();
announcePrediction();
wireConnection();
wireNavigation();
const busyLine = document.querySelector("[data-retry-after]");
if (busyLine) void retryBusyPage(busyLine);
