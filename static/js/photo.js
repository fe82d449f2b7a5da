// @ts-check
/**
 * Makes a photo fit to be sent: reduced to the size that is needed, upright, and in a format that the
 * server reads. The browser decodes it, so HEIC and AVIF work where the browser knows them.
 * @module
 */

const MAX_SIDE_PX = 2048;
const QUALITY = 0.92;
/** Formats that the server reads. */
const ACCEPTED = /^image\/(png|jpeg|gif|webp|bmp)$/;
/** Formats of cameras, which store no transparency worth keeping. */
const CAMERA = /jpe?g|hei[cf]/i;

/**
 * What is sent, and its pixels: none if the browser cannot decode it and the server may.
 * @typedef {{ sent: Blob, image?: ImageBitmap }} Photo
 */

/**
 * @param {File} file
 * @param {number} maxBytes the server's limit for a file
 * @returns {Promise<Photo | { error: string }>} a sentence if neither can read it
 */
export async function preparePhoto(file, maxBytes) {
  const options = /** @type {ImageBitmapOptions} */ ({ imageOrientation: "from-image" });
  const image = await createImageBitmap(file, options).catch(() => undefined);
  const isAccepted = ACCEPTED.test(file.type);
  if (!image) return isAccepted ? { sent: file } : { error: adviceFor(formatOf(file)) };
  const size = reducedSize(image);
  const isReduced = size.width < image.width || size.height < image.height;
  if (isAccepted && !isReduced && file.size <= maxBytes) return { sent: file, image };
  const reduced = isReduced ? await createImageBitmap(image, {
    resizeWidth: size.width, resizeHeight: size.height, resizeQuality: "high",
  }) : image;
  const types = CAMERA.test(formatOf(file)) ? ["image/jpeg"] : ["image/png", "image/webp"];
  for (const type of types) {
    const sent = await encode(reduced, type);
    if (sent.size <= maxBytes) return { sent, image: reduced };
  }
  return { sent: await encode(reduced, "image/jpeg"), image: reduced };
}

/**
 * The size with a longer side of at most 2,048 pixels, in the same proportions.
 * @param {{ width: number, height: number }} size
 */
export function reducedSize({ width, height }, maxSide = MAX_SIDE_PX) {
  const scale = Math.min(1, maxSide / Math.max(width, height));
  const side = (/** @type {number} */ length) => Math.max(1, Math.round(scale * length));
  return { width: side(width), height: side(height) };
}

/**
 * A format by the media type, or by the name where a system knows none: `HEIC`.
 * @param {{ name: string, type: string }} file
 */
export function formatOf({ name, type }) {
  const format = type.replace(/^image\/(x-)?|\+xml$/g, "") || (name.split(".").pop() ?? "");
  return format.toUpperCase();
}

/**
 * What to do with an image that this browser does not read.
 * @param {string} format
 */
export function adviceFor(format) {
  if (/^HEI[CF]/.test(format)) {
    return "This browser cannot read HEIC photos. Open this page in Safari, or save the photo as JPEG: "
      + "on an iPhone, Settings › Camera › Formats › Most Compatible takes new ones that way.";
  }
  return `This browser cannot read ${format} images. Save it as PNG or JPEG and try again.`;
}

/**
 * @param {ImageBitmap} image
 * @param {string} type a JPEG is drawn on white, as it has no transparency
 * @param {number} [quality]
 * @returns {Promise<Blob>} a PNG if the browser does not write that type
 */
export async function encode(image, type, quality = QUALITY) {
  const canvas = new OffscreenCanvas(image.width, image.height);
  const context = canvas.getContext("2d");
  if (!context) throw new TypeError("The browser has no canvas.");
  if (type === "image/jpeg") {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, image.width, image.height);
  }
  context.drawImage(image, 0, 0);
  return canvas.convertToBlob({ type, quality });
}
