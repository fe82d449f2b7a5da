// @ts-check
/**
 * Wires a page up. Everything works without it; what is not needed at once is loaded when it is.
 * @module
 */

/** Maps are painted anew as soon as something is chosen; where that fails the server draws them. */
function wireChoosers() {
  for (const form of document.querySelectorAll("form[data-choosers]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    for (const button of form.querySelectorAll("button")) button.hidden = true;
    form.addEventListener("change", (event) => {
      const served = event.target instanceof HTMLElement && "reload" in event.target.dataset;
      const painted = served
        ? Promise.reject()
        : import("./maps/display-options.js").then(({ recolour }) => recolour(form));
      painted.catch(() => form.requestSubmit());
    });
  }
}

/** Who comes back to a page finds chosen what its address says, not what led away from it. */
function wireReturn() {
  const asServed = () => {
    for (const option of document.querySelectorAll(":is([data-reload], [data-browse]) option")) {
      if (option instanceof HTMLOptionElement) option.selected = option.defaultSelected;
    }
  };
  window.addEventListener("pageshow", asServed);
}

/**
 * Files are taken out of their event at once, for they are gone when it is over.
 * @param {HTMLFormElement} form
 * @param {FileList | undefined} files
 */
async function bring(form, files) {
  const brought = [...(files ?? [])];
  const { send } = await import("./upload.js");
  await send(form, brought);
}

/** @param {DragEvent} event */
function carriesFiles(event) {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** A digit is brought by the form, by dropping it anywhere, or by pasting it. */
function wireUpload() {
  const form = document.querySelector("form[data-upload]");
  if (!(form instanceof HTMLFormElement)) return;
  const body = document.body;
  for (const hint of form.querySelectorAll("[data-script-only]")) hint.removeAttribute("hidden");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const input = form.querySelector("input[type=file]");
    if (input instanceof HTMLInputElement) void bring(form, input.files ?? undefined);
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    body.classList.remove("dropping");
    void bring(form, event.dataTransfer?.files);
  });
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length) void bring(form, event.clipboardData.files);
  });
}

/** Maps are read with the mouse, a finger or the keyboard, from the first sign of any. */
function wireMaps() {
  const maps = "figure[data-layer], [data-strip]";
  if (!document.querySelector(maps)) return;
  const signs = new AbortController();
  /** The newest sign, as the modules may take a while. @type {Event | undefined} */
  let newest;
  /** @param {Event} event */
  const start = async (event) => {
    const pointed = event.target instanceof Element && event.target.closest(maps);
    if (event instanceof PointerEvent && !pointed) return;
    const loading = newest !== undefined;
    newest = event;
    if (loading) return;
    const modules = await Promise.all([
      import("./maps/hover.js"), import("./maps/value-keys.js"),
    ]).catch(() => undefined);
    if (!modules) return void (newest = undefined); // no connection: the next sign tries again
    signs.abort();
    modules[0].watch(newest);
    modules[1].prepare();
  };
  for (const sign of ["pointermove", "pointerdown", "keydown", "focusin"]) {
    document.addEventListener(sign, (event) => void start(event), { signal: signs.signal });
  }
}

/** Drawing begins when it is asked for; the button comes back when it ends. */
function wireDrawing() {
  const opener = document.querySelector("[data-draw-opener]");
  const form = document.querySelector("form[data-draw]");
  if (!(opener instanceof HTMLElement && form instanceof HTMLFormElement)) return;
  opener.hidden = false;
  /** @type {Promise<import("./draw/live.js").Live> | undefined} */
  let loading;
  const load = async () => {
    const { Live } = await import("./draw/live.js");
    return new Live(form, () => {
      opener.hidden = false;
      opener.querySelector("button")?.focus();
    });
  };
  opener.querySelector("button")?.addEventListener("click", async () => {
    loading ??= load();
    (await loading).open();
    opener.hidden = true;
  });
}

/** The test set: its digits are chosen in place, and its index is followed while it is built. */
async function wireDataset() {
  const form = document.querySelector("form[data-browse]");
  const section = document.querySelector("[data-indexing]");
  if (form instanceof HTMLFormElement) (await import("./dataset.js")).choose(form);
  if (section instanceof HTMLElement) (await import("./dataset.js")).follow(section);
}

/** Any value of a map is explained in place; what can be taken away is copied. */
async function wireParts() {
  const away = document.querySelector("[data-away]");
  away?.addEventListener("toggle", async () => (await import("./copy.js")).offer(away), { once: true });
  if (document.querySelector("#unit")) (await import("./unit.js")).watch();
}

wireChoosers();
wireReturn();
wireUpload();
wireMaps();
wireDrawing();
void wireDataset();
void wireParts();
