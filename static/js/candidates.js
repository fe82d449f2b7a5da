// @ts-check
/**
 * Shows the image that a digit was found in, with boxes around all that may be a digit. The image is
 * the visitor's own and stays in this tab: the server keeps only 28 x 28 pixels of it.
 * @module
 */

import { encode, reducedSize } from "./photo.js";
import { session } from "./storage.js";

/** In the session's storage: the last image that was uploaded. */
const PHOTO_KEY = "photo";
const SHOWN_SIDE_PX = 640;
const QUALITY = 0.8;

/**
 * `width` and `height` are those of the image as sent, in which boxes are given.
 * @typedef {{ digit: string, width: number, height: number, picture: string }} KeptPhoto
 */

/**
 * Keep an image for the page of the digit that was found in it.
 * @param {string} digit its id
 * @param {ImageBitmap} image as sent
 */
export async function keepPhoto(digit, image) {
  const { width, height } = image;
  const size = reducedSize(image, SHOWN_SIDE_PX);
  const small = await createImageBitmap(image, {
    resizeWidth: size.width, resizeHeight: size.height, resizeQuality: "high",
  });
  const blob = await encode(small, "image/webp", QUALITY);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const picture = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  try {
    session?.setItem(PHOTO_KEY, JSON.stringify({ digit, width, height, picture }));
  } catch {
    session?.removeItem(PHOTO_KEY); // no room: the page shows the candidates without it
  }
}

/** @type {{ digit: string, canvas: HTMLCanvasElement } | undefined} */
let drawn;

/** Show the image on the page of a digit that was found in it. */
export async function showPhoto() {
  const found = document.querySelector("[data-found]");
  const photo = /** @type {KeptPhoto | null} */ (JSON.parse(session?.getItem(PHOTO_KEY) ?? "null"));
  if (!(found instanceof HTMLElement) || !photo) return;
  const links = [...found.querySelectorAll("a")];
  const isFrom = links.some((link) => link.dataset["digit"] === photo.digit);
  if (!isFrom || !links.every((link) => isInside(boxOf(link), photo))) return;
  if (drawn?.digit !== photo.digit) drawn = { digit: photo.digit, canvas: await paint(photo) };
  if (!found.isConnected) return;
  if (drawn.canvas.parentElement !== found) {
    found.querySelector("canvas")?.remove();
    found.prepend(drawn.canvas);
  }
  found.classList.add("has-photo");
  found.style.setProperty("--ratio", String(photo.width / photo.height));
  for (const link of links) placeLink(link, photo);
}

/** @param {HTMLElement} link @returns {number[]} x, y, width and height */
function boxOf(link) {
  return (link.dataset["box"] ?? "").split(" ").map(Number);
}

/** @param {number[]} box @param {KeptPhoto} photo */
function isInside([x = 0, y = 0, width = 0, height = 0], photo) {
  return x + width <= photo.width && y + height <= photo.height;
}

/** @param {HTMLElement} link @param {KeptPhoto} photo */
function placeLink(link, photo) {
  const [x = 0, y = 0, width = 0, height = 0] = boxOf(link);
  const sides = { left: x / photo.width, top: y / photo.height, width: width / photo.width, height: height / photo.height };
  for (const [side, share] of Object.entries(sides)) link.style.setProperty(side, `${100 * share}%`);
}

/** @param {KeptPhoto} photo */
async function paint({ picture }) {
  const bytes = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes]));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.dataset["added"] = "";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Your image");
  canvas.getContext("2d")?.drawImage(image, 0, 0);
  return canvas;
}
