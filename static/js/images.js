// @ts-check
/**
 * Chooses the image among the files that were brought, or says why there is none.
 * @module
 */

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
