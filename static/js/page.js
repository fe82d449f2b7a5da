// @ts-check
/**
 * Connects the controls of a network's pages. Every page works without it, and modules are loaded
 * when they are first needed.
 * @module
 */

/** Repaint maps as soon as an option is chosen; if that fails, let the server draw them. */
function wireChoosers() {
  for (const form of document.querySelectorAll("form[data-display-options]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    for (const button of form.querySelectorAll("button")) button.hidden = true;
    form.addEventListener("change", (event) => {
      const needsServer = event.target instanceof HTMLElement && "reload" in event.target.dataset;
      const repainted = needsServer
        ? Promise.reject()
        : import("./maps/display-options.js").then(({ repaintMaps }) => repaintMaps(form));
      repainted.catch(() => form.requestSubmit());
    });
  }
}

/** Browsers restore form values on the way back; here the address decides what is selected. */
function wireHistory() {
  window.addEventListener("pageshow", () => {
    for (const option of document.querySelectorAll(":is([data-reload], [data-browse]) option")) {
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
  for (const hint of form.querySelectorAll("[data-script-only]")) hint.removeAttribute("hidden");
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
    const isOnMap = event.target instanceof Element && event.target.closest(maps);
    if (event instanceof PointerEvent && !isOnMap) return;
    const isLoading = pending !== undefined;
    if (pending?.type !== "click") pending = event;
    if (isLoading) return;
    const modules = await Promise.all([
      import("./maps/hover.js"), import("./maps/value-keys.js"),
    ]).catch(() => undefined);
    if (!modules) return void (pending = undefined); // no connection: the next event tries again
    listeners.abort();
    modules[0].watchMaps(pending);
    modules[1].addFocusTargets();
  };
  for (const name of ["pointermove", "pointerdown", "click", "keydown", "focusin"]) {
    document.addEventListener(name, (event) => void start(event), { signal: listeners.signal });
  }
}

/** Open the drawing surface with its button, and show the button again when it closes. */
function wireDrawing() {
  const opener = document.querySelector("[data-draw-opener]");
  const form = document.querySelector("form[data-draw]");
  if (!(opener instanceof HTMLElement && form instanceof HTMLFormElement)) return;
  opener.hidden = false;
  const button = opener.querySelector("button");
  /** @type {import("./draw/live.js").LiveDrawing | undefined} */
  let drawing;
  button?.addEventListener("click", async () => {
    const module = await import("./draw/live.js").catch(() => undefined);
    if (!module) return; // no connection: the next click tries again
    drawing ??= new module.LiveDrawing(form, () => {
      opener.hidden = false;
      button.focus();
    });
    drawing.open();
    opener.hidden = true;
  });
}

/** Filter the digits of the test set at once, and follow its index while it is built. */
async function wireDataset() {
  const form = document.querySelector("form[data-browse]");
  const section = document.querySelector("[data-indexing]");
  if (form instanceof HTMLFormElement) {
    for (const button of form.querySelectorAll("button")) button.hidden = true;
    form.addEventListener("change", async () => (await import("./dataset.js")).applyFilters(form));
  }
  if (section instanceof HTMLElement) (await import("./dataset.js")).pollIndexing(section);
}

/** Let the downloads section copy its snippets once it is open. */
function wireDownloads() {
  const section = document.querySelector("[data-snippets]");
  if (!section) return;
  const enable = async () => (await import("./copy.js")).enableCopying(section);
  section.addEventListener("toggle", enable, { once: true });
}

/** Explain any value of the map on a filter's page; a click waits for the module. */
async function wireUnit() {
  if (!document.querySelector("#unit")) return;
  const load = () => import("./unit.js").catch(() => undefined);
  document.querySelector(".filter-map")?.addEventListener("click", async (event) => {
    if (event instanceof MouseEvent) (await load())?.explainClicked(event);
  });
  (await load())?.watchSection();
}

wireChoosers();
wireHistory();
wireUpload();
wireMaps();
wireDrawing();
wireDownloads();
void Promise.allSettled([wireDataset(), wireUnit()]).then(() => {
  document.documentElement.dataset["ready"] = ""; // for tests: every part of the page answers
});
