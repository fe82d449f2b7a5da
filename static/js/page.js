// @ts-check
/**
 * Connects the controls of a network's pages. Every page works without it, and modules are loaded
 * when they are first needed.
 * @module
 */

/** What changes a part of the page, and leaves the rest as it is. */
const IN_PLACE = "a[data-in-place]";
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

const swap = () => import("./swap.js");

/** Show the page that a form asks for as soon as something is chosen. */
function wireChoosers() {
  document.addEventListener("change", async ({ target }) => {
    const form = target instanceof Element && target.closest("form[data-options]");
    if (!(form instanceof HTMLFormElement)) return;
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) {
      const isDefault = form.querySelector(`[name="${name}"] option[data-default]:checked`);
      if (value !== "" && !isDefault) query.set(name, String(value));
    }
    const address = new URL(form.getAttribute("action") ?? "", location.href);
    const search = query.size ? asServer(`?${query}`) : "";
    await (await swap()).showPage(`${address.origin}${address.pathname}${search}`);
  });
}

/** Follow links that change a part of the page without leaving it. */
function wireLinks() {
  document.addEventListener("click", async (event) => {
    const link = event.target instanceof Element && event.target.closest(IN_PLACE);
    const isPlain = event.button === 0
      && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (!link || !isPlain || event.defaultPrevented) return;
    event.preventDefault();
    const address = new URL(link.getAttribute("href") ?? "", location.href);
    if (link.closest(".network-map, .presets, .subsets")) {
      void previewScale(address.searchParams.get(factorsOf(address)));
    }
    await (await swap()).showPage(address.href);
  });
  document.addEventListener("keydown", (event) => {
    const button = event.key === " " && event.target instanceof Element
      && event.target.closest("a[role=button]");
    if (!button || event.defaultPrevented) return;
    event.preventDefault(); // the page would scroll
    if (!event.repeat) button.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  });
  const page = () => location.pathname + location.search;
  let shown = page();
  document.addEventListener(CHANGED, () => { shown = page(); });
  addEventListener("popstate", async (event) => {
    if (event.state === null && location.hash && page() === shown) return; // the browser scrolls there
    await (await swap()).showPage(location.href, { history: "replace" });
  });
}

/** The parameter with the page's factors: a comparison has those of A and those of B. @param {URL} address */
function factorsOf({ pathname }) {
  return pathname === `${document.documentElement.dataset["root"] ?? ""}/compare` ? "scale_a" : "scale";
}

/** The form around the input, on which people draw. @returns {HTMLFormElement | null} */
function drawForm() {
  return document.querySelector("form[data-draw]");
}

/** Show the answer under other factors before the whole page is there. @param {string | null} scale */
async function previewScale(scale) {
  const input = await loadInput();
  const form = drawForm();
  const address = new URL(form?.dataset["live"] ?? "", location.href);
  if (address.searchParams.get("scale") === scale) return; // the page came before the module
  if (scale) address.searchParams.set("scale", scale);
  else address.searchParams.delete("scale");
  input?.preview(address.href);
}

/** Follow the dial of a branch while it turns, and keep where it stops. */
function wireDial() {
  document.addEventListener("input", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.matches("[data-dial]")) return;
    const text = target.closest("form")?.querySelector("output");
    if (text) text.textContent = target.value;
    void loadInput().then((input) => input?.preview(dialAddress(target, "live")));
  });
  document.addEventListener("change", async ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.matches("[data-dial]")) return;
    await (await swap()).showPage(dialAddress(target, "page"), { history: "replace" });
  });
}

/**
 * An address of the input panel with the dial's factor for its blocks.
 * @param {HTMLInputElement} dial
 * @param {"live" | "page"} name
 */
function dialAddress(dial, name) {
  const form = drawForm();
  const url = new URL(form?.dataset[name] ?? "", location.href);
  const factors = factorsOf(url);
  const pairs = (url.searchParams.get(factors) ?? "").split(",").filter(Boolean);
  const blocks = (dial.dataset["dial"] ?? "").split(",");
  const others = pairs.filter((pair) => !blocks.includes(pair.split(":")[0] ?? ""));
  const turned = blocks.map((block) => `${block}:${dial.value}`);
  const scale = Number(dial.value) === 1 ? others : [...others, ...turned];
  if (scale.length) url.searchParams.set(factors, scale.join(","));
  else url.searchParams.delete(factors);
  return asServer(url.href);
}

/** An address as the server writes it. @param {string} address */
function asServer(address) {
  return address.replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
}

const TYPING_MS = 150; // without a key, until what is typed is searched for

/** Find classes while their names are typed. */
function wireSearch() {
  let timer = 0;
  document.addEventListener("input", ({ target }) => {
    const form = target instanceof HTMLInputElement && target.form;
    if (!form || !form.matches("[data-search]")) return;
    clearTimeout(timer);
    const addressOf = () => {
      const address = new URL(form.action);
      for (const [name, value] of new FormData(form)) address.searchParams.set(name, String(value));
      return address.href;
    };
    timer = window.setTimeout(async () => {
      await (await swap()).showPage(addressOf, { history: "none", regions: [".search-result"] });
    }, TYPING_MS);
  });
}

/** Step through the states of a page. */
function wirePlay() {
  document.addEventListener("click", async ({ target }) => {
    const button = target instanceof Element && target.closest("[data-play]");
    if (button instanceof HTMLElement) await (await import("./play.js")).togglePlay(button);
  });
}

/** Browsers restore form values on the way back; here the address decides what is selected. */
function wireHistory() {
  window.addEventListener("pageshow", () => {
    for (const option of document.querySelectorAll("form[data-options] option")) {
      if (option instanceof HTMLOptionElement) option.selected = option.defaultSelected;
    }
  });
}

/**
 * @param {HTMLFormElement} form
 * @param {FileList | undefined} files
 */
async function upload(form, files) {
  const kept = [...(files ?? [])]; // a drop's list of files is emptied when its event ends
  const { uploadImage } = await import("./upload.js");
  await uploadImage(form, kept);
}

/** @param {DragEvent} event */
function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** Upload a digit with the form, by dropping it anywhere, or by pasting it. */
function wireUpload() {
  const form = document.querySelector("form[data-upload]");
  if (!(form instanceof HTMLFormElement)) return;
  const body = document.body;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = form.querySelector("input[type=file]");
    if (input instanceof HTMLInputElement) void upload(form, input.files ?? undefined);
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    body.classList.add("is-drop-target");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) body.classList.remove("is-drop-target");
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    body.classList.remove("is-drop-target");
    void upload(form, event.dataTransfer?.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) void upload(form, event.clipboardData.files);
  });
}

/** As in maps/hover.js: what is pointed at for a value. */
const PICTURES = "picture, svg.map-panel, [data-block-table] .map-panel";

/** Show values of maps under the mouse, a finger or the keyboard, from its first event on. */
function wireMaps() {
  const maps = "figure[data-layer], [data-block-table]";
  if (!document.querySelector(maps)) return;
  const listeners = new AbortController();
  /**
   * What to handle once the modules are there: a click if there was one.
   * @type {Event | undefined}
   */
  let pending;
  /** @param {Event} event */
  const start = async (event) => {
    const target = event.target instanceof Element ? event.target : undefined;
    if (event instanceof PointerEvent && !target?.closest(maps)) return;
    const link = target?.closest(PICTURES)?.closest("a");
    const isTap = event instanceof PointerEvent && event.pointerType === "touch";
    if (isTap && event.type === "click" && link) event.preventDefault(); // hover.js follows it
    const isLoading = pending !== undefined;
    if (pending?.type !== "click") pending = event;
    if (isLoading) return;
    const modules = await Promise.all([
      import("./maps/hover.js"), import("./maps/value-keys.js"),
    ]).catch(() => undefined);
    if (!modules) { // no connection: the next event tries again
      pending = undefined;
      if (link && event.defaultPrevented) link.click();
      return;
    }
    listeners.abort();
    modules[0].watchMaps(pending);
    modules[1].addFocusTargets();
  };
  for (const name of ["pointermove", "pointerdown", "click", "keydown", "focusin"]) {
    document.addEventListener(name, (event) => void start(event), { signal: listeners.signal });
  }
}

/** @type {Promise<import("./draw/live.js").LiveInput | undefined> | undefined} */
let liveInput;

/** The module that draws, loaded when it is first needed. */
function loadInput() {
  const form = drawForm();
  if (!form) return Promise.resolve(undefined);
  liveInput ??= import("./draw/live.js").then(
    ({ LiveInput }) => new LiveInput(form),
    () => void (liveInput = undefined), // no connection: the next stroke tries again
  );
  return liveInput;
}

/** Let people draw on the input, which every page of a network has. */
function wireDrawing() {
  const form = drawForm();
  const canvas = form?.querySelector("[data-draw-surface]");
  if (!form || !canvas) return;
  form.addEventListener("pointerover", () => void loadInput(), { once: true });
  form.addEventListener("focusin", () => void loadInput(), { once: true });
  form.addEventListener("click", async ({ target }) => { // before the module's own handler is there
    const tool = target instanceof Element && target.closest("button[data-tool]");
    if ("ready" in form.dataset || !(tool instanceof HTMLButtonElement)) return;
    if (await loadInput()) tool.click();
  });
  const digit = form.getAttribute("data-digit") ?? "";
  if (session?.getItem(`strokes:${digit}`)) void loadInput(); // drawn here: show its strokes
  /** What was drawn before the module was there. @type {PointerEvent[]} */
  const pending = [];
  let isReady = false;
  for (const name of ["pointerdown", "pointermove", "pointerup", "pointercancel"]) {
    canvas.addEventListener(name, async (event) => {
      if (isReady || !(event instanceof PointerEvent)) return;
      if (name === "pointerdown") canvas.setPointerCapture(event.pointerId);
      if (pending.push(event) > 1) return;
      isReady = (await loadInput()) !== undefined;
      for (const early of pending.splice(0)) {
        if (isReady) canvas.dispatchEvent(new PointerEvent(early.type, early));
      }
    });
  }
}

/** Follow the index of the test set while it is built. */
async function wireDataset() {
  const section = document.querySelector("[data-indexing]");
  if (section instanceof HTMLElement) (await import("./dataset.js")).pollIndexing(section);
}

const AHEAD_OF_SCROLLING = "480px";

/** Fetch pictures once they are in view; whoever scrolls gets them ahead, and paper shows all. */
function wireLater() {
  const observer = fetchInView("0px");
  addEventListener("scroll", () => {
    observer.disconnect();
    fetchInView(AHEAD_OF_SCROLLING);
  }, { once: true, passive: true });
  addEventListener("beforeprint", () => {
    const holders = [...document.querySelectorAll("noscript[data-later]")].map((later) => later.parentElement);
    fetchNow(holders.filter((holder) => holder !== null).filter((holder) => holder.checkVisibility()));
  });
}

/** Put what waits in elements in place of the room for it. @param {readonly Element[]} holders */
function fetchNow(holders) {
  for (const holder of holders) {
    const later = holder.querySelector(":scope > noscript[data-later]");
    for (const room of holder.querySelectorAll(":scope > .picture-room")) room.remove();
    const content = document.createRange().createContextualFragment(later?.textContent ?? "");
    later?.replaceWith(content);
  }
  if (holders.length) document.dispatchEvent(new CustomEvent(CHANGED));
}

/**
 * Fetch the pictures that come within a margin around the view.
 * @param {string} rootMargin
 */
function fetchInView(rootMargin) {
  const observer = new IntersectionObserver((entries) => {
    const seen = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    for (const holder of seen) observer.unobserve(holder);
    fetchNow(seen);
  }, { rootMargin });
  for (const later of document.querySelectorAll("noscript[data-later]")) {
    if (later.parentElement) observer.observe(later.parentElement);
  }
  return observer;
}

/** One tab stop for all samples, the current one; arrow keys go on from there. */
function wireSamples() {
  for (const group of document.querySelectorAll(".samples")) {
    const links = [...group.querySelectorAll("a")];
    const current = links.find((link) => link.hasAttribute("aria-current")) ?? links[0];
    for (const link of links) link.tabIndex = link === current ? 0 : -1;
  }
}

/** Let the downloads section copy its snippets once it is open. */
function wireDownloads() {
  const section = document.querySelector("[data-snippets]");
  if (!section) return;
  const enable = async () => (await import("./copy.js")).enableCopying(section);
  if (section.hasAttribute("open")) void enable(); // opened before this module was there
  else section.addEventListener("toggle", enable, { once: true });
}

/** Explain any value of the map on a filter's page; a click waits for the module. */
async function wireUnit() {
  if (!document.querySelector("#unit")) return;
  const load = () => import("./unit.js").catch(() => undefined);
  for (const map of document.querySelectorAll(".filter-map")) {
    map.addEventListener("click", async (event) => {
      if (event instanceof MouseEvent) (await load())?.explainClicked(event);
    });
    map.addEventListener("pointermove", async (event) => {
      if (event instanceof PointerEvent) (await load())?.followPointer(event);
    });
    map.addEventListener("pointerleave", async () => (await load())?.leaveMap());
  }
  document.querySelector("[data-slide]")?.addEventListener("click", async ({ currentTarget }) => {
    if (currentTarget instanceof HTMLButtonElement) (await load())?.play(currentTarget);
  });
  (await load())?.watchSection();
}

/** Show the image that was uploaded, if the page is about what was found in it. */
async function showPhoto() {
  const isKept = document.querySelector("[data-found]") && session?.getItem("photo");
  if (isKept) await (await import("./candidates.js")).showPhoto();
}

/** Show what works with a script only. */
function showControls() {
  for (const element of document.querySelectorAll("[data-script-only]")) {
    element.removeAttribute("hidden");
  }
}

/** What has to be done again when a part of the page was replaced. */
function refresh() {
  showControls();
  wireSamples();
  void showPhoto();
}

refresh();
document.addEventListener(CHANGED, refresh);
wireChoosers();
wireLinks();
wireDial();
wireSearch();
wirePlay();
wireHistory();
wireLater();
wireUpload();
wireMaps();
wireDrawing();
wireDownloads();
void Promise.allSettled([wireDataset(), wireUnit()]).then(() => {
  document.documentElement.dataset["ready"] = ""; // for tests: every part of the page answers
});
