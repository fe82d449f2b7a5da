// @ts-check
/**
 * Sends an image to where the upload form points, and goes to the page of the digit.
 * @module
 */

const OFFLINE = "The server cannot be reached. Is it still running?";

/**
 * What a refusal says; problems are JSON with a sentence for people.
 * @param {Response} response
 * @returns {Promise<{ code: string, sentence: string }>}
 */
export async function reason(response) {
  try {
    const problem = /** @type {{ code?: unknown, detail?: unknown }} */ (await response.json());
    const detail = String(problem.detail ?? response.statusText);
    const sentence = detail.charAt(0).toUpperCase() + detail.slice(1) + ".";
    return { code: String(problem.code), sentence };
  } catch {
    return { code: "", sentence: `The server answered ${response.status}.` };
  }
}

/**
 * @param {HTMLFormElement} form
 * @param {string} text
 * @param {"busy" | "failed" | "idle"} state
 */
function show(form, text, state) {
  const line = form.querySelector("[data-upload-state]");
  if (!(line instanceof HTMLElement)) return;
  line.textContent = text;
  line.classList.toggle("failed", state === "failed");
  form.setAttribute("aria-busy", String(state === "busy"));
  if (state === "failed") line.scrollIntoView({ block: "nearest" });
}

/**
 * Send the image among the files; the form says how it goes.
 * @param {HTMLFormElement} form
 * @param {readonly File[]} files
 */
export async function send(form, files) {
  if (form.getAttribute("aria-busy") === "true") return;
  const chosen = chooseImage(files, Number(form.dataset["mostBytes"]));
  if ("refusal" in chosen) {
    show(form, chosen.refusal, "failed");
    return;
  }
  show(form, "Reading the image…", "busy");
  const body = new FormData();
  body.set("file", chosen.image);
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(form.action, { method: "POST", body, headers });
    if (!response.ok) {
      show(form, (await reason(response)).sentence, "failed");
      return;
    }
    show(form, "", "idle"); // as it is found by whoever comes back to this page
    location.assign(response.url);
  } catch {
    show(form, OFFLINE, "failed");
  }
}

const [KIBIBYTE, MEBIBYTE] = [1024, 1024 * 1024];

/**
 * @typedef {{ name: string, type: string, size: number }} Brought
 */

/** A size in words. @param {number} bytes */
function inWords(bytes) {
  if (bytes < MEBIBYTE) return `${Math.floor(bytes / KIBIBYTE)} KiB`;
  return `${Number((bytes / MEBIBYTE).toFixed(1))} MiB`;
}

/**
 * The first image, or a sentence for people.
 * @template {Brought} T
 * @param {readonly T[]} files
 * @param {number} most bytes that the server takes of a file
 * @returns {{ image: T } | { refusal: string }}
 */
export function chooseImage(files, most) {
  if (files.length === 0) return { refusal: "There is no file to read: choose an image first." };
  const image = files.find((file) => file.type.startsWith("image/"));
  if (!image) return { refusal: "That is no image: PNG, JPEG, GIF, WEBP and BMP can be read." };
  if (image.size > most) {
    return { refusal: `That is too large: at most ${inWords(most)} can be read.` };
  }
  return { image };
}
