// @ts-check
/**
 * Chooses the image among the files that were brought, or says why there is none.
 * @module
 */

/** The largest file that the server takes, in bytes. */
export const MOST_BYTES = 8 * 1024 * 1024;

/**
 * @typedef {{ name: string, type: string, size: number }} Brought
 */

/**
 * The first image, or a sentence for people.
 * @template {Brought} T
 * @param {readonly T[]} files
 * @returns {{ image: T } | { refusal: string }}
 */
export function chooseImage(files) {
  if (files.length === 0) return { refusal: "There is no file to read: choose an image first." };
  const image = files.find((file) => file.type.startsWith("image/"));
  if (!image) return { refusal: "That is no image: PNG, JPEG, GIF, WEBP and BMP can be read." };
  if (image.size > MOST_BYTES) return { refusal: "That is too large: at most 8 MiB can be read." };
  return { image };
}
