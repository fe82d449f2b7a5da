// @ts-check
/**
 * Wires up what every page has: theme, keys, and the states of a page that waits or fails. Loaded
 * at once and so kept small; most of what it does is loaded when it is needed.
 * @module
 */

const YEAR = 365 * 24 * 3600;

/** @param {string} theme */
function applyTheme(theme) {
  document.documentElement.dataset["theme"] = theme;
  for (const button of document.querySelectorAll("[data-theme-choice] button")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("value") === theme));
  }
}

/** @param {string} theme */
function chooseTheme(theme) {
  document.cookie = `theme=${theme}; Max-Age=${YEAR}; Path=/; SameSite=Lax`;
  applyTheme(theme);
}

/** A theme is chosen in place; a page that comes back from history shows what was chosen since. */
function wireTheme() {
  for (const form of document.querySelectorAll("form[data-theme-choice]")) {
    form.addEventListener("submit", (event) => {
      if (!(event instanceof SubmitEvent) || !event.submitter) return;
      event.preventDefault();
      const theme = event.submitter.getAttribute("value");
      if (theme) chooseTheme(theme);
    });
  }
  window.addEventListener("pageshow", () => {
    const chosen = /(?:^|; )theme=(\w+)/.exec(document.cookie)?.[1];
    const shown = document.documentElement.dataset["theme"];
    if (chosen && chosen !== shown) applyTheme(chosen);
  });
}

/** Keys do something from the first press on, which loads what they do; none is lost meanwhile. */
function wireKeyboard() {
  /** @type {typeof import("./keyboard/keyboard.js").press | undefined} */
  let press;
  /** @type {[KeyboardEvent, { held: boolean }][]} */
  const early = [];
  document.addEventListener("keydown", async (event) => {
    if (press) return press(event);
    const typed = event.target instanceof Element && event.target.closest("input, select, dialog");
    const held = event.key.startsWith("Page") && !typed && !event.defaultPrevented;
    if (held) event.preventDefault(); // it would scroll before the module is there
    if (early.push([event, { held }]) > 1) return;
    ({ press } = await import("./keyboard/keyboard.js"));
    for (const one of early) press(...one);
  });
  const button = document.querySelector("[data-keyboard]");
  button?.removeAttribute("hidden");
  button?.addEventListener("click", async () => (await import("./keyboard/shortcuts.js")).help());
}

/** @type {Promise<boolean> | undefined} */
let asking;

/** The system's word is not enough: a server on the same machine needs no network. */
async function reachable() {
  try {
    return (await fetch("/healthz", { cache: "no-store" })).status < 600;
  } catch {
    return false;
  }
}

/** Look whether the server answers, and say so if not; what failed comes when it is back. */
async function check() {
  asking ??= reachable();
  const lost = !(await asking);
  asking = undefined;
  const root = document.documentElement;
  const before = "offline" in root.dataset;
  root.toggleAttribute("data-offline", lost);
  document.querySelector("[data-connection]")?.toggleAttribute("hidden", !lost);
  if (lost || !before) return;
  for (const image of document.images) if (image.dataset["state"] === "unasked") void again(image);
}

/** @param {EventTarget | null} target a picture that did not arrive */
async function again(target) {
  if (!(target instanceof HTMLImageElement || target instanceof SVGImageElement)) return;
  target.dataset["state"] = "unasked";
  void check();
  const pictures = await import("./retry.js").catch(() => undefined); // it takes a connection too
  void pictures?.again(target);
}

/** Pictures that fail, those that failed before this ran too, are asked for again. */
function wirePictures() {
  document.addEventListener("error", (event) => void again(event.target), { capture: true });
  for (const image of document.images) {
    if (image.complete && image.naturalWidth === 0 && image.currentSrc) void again(image);
  }
  const asked = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource"));
  const failed = asked.filter((one) => one.responseStatus >= 400 || !one.decodedBodySize);
  const addresses = new Set(failed.map((one) => one.name));
  for (const cut of document.querySelectorAll("svg image")) {
    const address = cut.getAttribute("href");
    if (address && addresses.has(new URL(address, location.href).href)) void again(cut);
  }
}

/** A page that is left is busy until the next one comes; without a connection it is kept. */
function wireLeaving() {
  for (const name of ["offline", "online"]) window.addEventListener(name, () => void check());
  document.querySelector("[data-connection] button")?.addEventListener("click", () => void check());
  if (!navigator.onLine) void check();
  const main = document.getElementById("main");
  const rest = () => main?.removeAttribute("aria-busy");
  window.addEventListener("pageshow", rest);
  window.navigation?.addEventListener("navigate", (event) => {
    const { pathname, origin } = new URL(event.destination.url);
    const here = event.hashChange || event.downloadRequest !== null || origin !== location.origin;
    if (here || pathname.startsWith("/api/")) return; // data is saved, and the page stays
    if ("offline" in document.documentElement.dataset && event.cancelable) {
      event.preventDefault();
      void check();
      return;
    }
    main?.setAttribute("aria-busy", "true");
    event.signal.addEventListener("abort", rest);
  });
  const line = document.querySelector("[data-again]");
  if (line) void retryBusyPage(line);
}

/** A switch that was pressed by key keeps the focus, and a changed answer is read out. */
function wireReturn() {
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest(".branch, .switch-line a");
    if (link && event.detail === 0) sessionStorage.setItem("pressed", "1");
  });
  if (sessionStorage.getItem("pressed") && location.hash) {
    const target = document.getElementById(location.hash.slice(1));
    const branch = target?.closest(".stage")?.querySelector(".branch");
    // Not before the page is shown: going to the target takes the focus away.
    if (branch instanceof HTMLElement) window.addEventListener("pageshow", () => branch.focus());
  }
  sessionStorage.removeItem("pressed");
  const line = document.querySelector("[data-answer]");
  const answer = line?.getAttribute("data-answer") ?? "";
  if (line && answer !== sessionStorage.getItem("answer")) {
    if (sessionStorage.getItem("answer")) line.textContent = answer;
    sessionStorage.setItem("answer", answer);
  }
}

/** @param {Element} line says how long it takes yet; holds what the server asked for in seconds */
async function retryBusyPage(line) {
  const { arrived, pause } = await import("./retry.js");
  const first = pause(0, line.getAttribute("data-again"));
  await new Promise((done) => {
    count(line, first);
    setTimeout(done, first);
  });
  const came = await arrived(location.href, (milliseconds) => count(line, milliseconds));
  if (came) location.reload();
  else line.textContent = "Still busy. Try again in a minute.";
}

/**
 * @param {Element} line
 * @param {number} milliseconds
 */
function count(line, milliseconds) {
  const seconds = Math.ceil(milliseconds / 1000);
  line.textContent = `Trying again in ${seconds} second${seconds === 1 ? "" : "s"}.`;
}

wireTheme();
wireKeyboard();
wirePictures();
wireReturn();
wireLeaving();
