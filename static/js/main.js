// @ts-check
/**
 * Wires a page up. Everything works without it; what is not needed at once is loaded when it is.
 * @module
 */

/** Choosers draw anew as soon as something is chosen. */
function wireChoosers() {
  for (const form of document.querySelectorAll("form[data-choosers]")) {
    if (!(form instanceof HTMLFormElement)) continue;
    for (const button of form.querySelectorAll("button")) button.hidden = true;
    form.addEventListener("change", () => form.requestSubmit());
  }
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

/** Pointing at a grid says which filter it is. */
function wirePointing() {
  const start = async () => {
    const { point } = await import("./pointing.js");
    for (const figure of document.querySelectorAll("figure[data-filter-href]")) {
      if (figure instanceof HTMLElement) point(figure);
    }
  };
  const maps = document.querySelector(".maps-section");
  maps?.addEventListener("pointerover", () => void start(), { once: true });
}

wireChoosers();
wireUpload();
wirePointing();
