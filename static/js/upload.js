// @ts-check
/**
 * Uploads an image to the address of a form and opens the page of the new digit.
 * @module
 */

import { keepPhoto } from "./candidates.js";
import { preparePhoto } from "./photo.js";

const [KIBIBYTE, MEBIBYTE] = [1024, 1024 * 1024];
const OFFLINE = "The server cannot be reached. Is it still running?";

/** Images to which some systems give no media type. */
const NAMES = /\.(hei[cf]|avif)$/i;

/** What is needed of a file. @typedef {{ name: string, type: string, size: number }} FileInfo */

/** @param {number} bytes */
function formatBytes(bytes) {
  if (bytes < MEBIBYTE) return `${Math.floor(bytes / KIBIBYTE)} KiB`;
  return `${Number((bytes / MEBIBYTE).toFixed(1))} MiB`;
}

/**
 * The first image among the files, or a sentence that says why there is none.
 * @template {FileInfo} T
 * @param {readonly T[]} files
 * @returns {{ image: T } | { error: string }}
 */
export function chooseImage(files) {
  if (files.length === 0) return { error: "Choose an image first." };
  const image = files.find((file) => file.type.startsWith("image/") || NAMES.test(file.name));
  return image ? { image } : { error: "That is not an image. Use PNG, JPEG, GIF, WebP or BMP." };
}

/**
 * A sentence if there are more bytes than the server takes.
 * @param {number} bytes
 * @param {number} maxBytes the server's limit for a file
 */
export function sizeProblem(bytes, maxBytes) {
  return bytes > maxBytes ? `That file is too large. The limit is ${formatBytes(maxBytes)}.` : "";
}

/**
 * The code and the message of an error response.
 * @param {Response} response
 * @returns {Promise<{ code: string, sentence: string }>}
 */
export async function problemOf(response) {
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
function showState(form, text, state) {
  const line = form.querySelector("[data-upload-state]");
  if (!(line instanceof HTMLElement)) return;
  line.textContent = text;
  line.classList.toggle("failed", state === "failed");
  form.setAttribute("aria-busy", String(state === "busy"));
  if (state !== "idle") form.closest("details")?.setAttribute("open", "");
  if (state === "failed") line.scrollIntoView({ block: "nearest" });
}

/**
 * Upload the first image among the files, and show progress and errors in the form.
 * @param {HTMLFormElement} form
 * @param {readonly File[]} files
 */
export async function uploadImage(form, files) {
  if (form.getAttribute("aria-busy") === "true") return;
  const chosen = chooseImage(files);
  if ("error" in chosen) {
    showState(form, chosen.error, "failed");
    return;
  }
  showState(form, "Uploading…", "busy");
  const maxBytes = Number(form.dataset["mostBytes"]);
  const photo = await preparePhoto(chosen.image, maxBytes);
  const problem = "error" in photo ? photo.error : sizeProblem(photo.sent.size, maxBytes);
  if ("error" in photo || problem) {
    showState(form, problem, "failed");
    return;
  }
  const body = new FormData();
  body.set("file", photo.sent, chosen.image.name);
  try {
    const headers = { Accept: "application/json" };
    const response = await fetch(form.action, { method: "POST", body, headers });
    if (!response.ok) {
      showState(form, (await problemOf(response)).sentence, "failed");
      return;
    }
    const digit = /\/digits\/(\w+)/.exec(response.url)?.[1];
    if (digit && photo.image) await keepPhoto(digit, photo.image);
    showState(form, "", "idle"); // the browser may show this page again from its history
    location.assign(response.url);
  } catch {
    showState(form, OFFLINE, "failed");
  }
}
