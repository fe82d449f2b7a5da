// @ts-check
/**
 * Puts a picture of the drawing to the server, and says how that went.
 * @module
 */

import { reason } from "../upload.js";
import { parse } from "./frames.js";

/** @typedef {import("./frames.js").Frame} Frame */

const COME_BACK = 503;
const OFFLINE_SECONDS = 1;

/**
 * An answer of nothing means that there is no ink to read.
 * @param {string} address
 * @param {Blob} picture
 * @returns {Promise<import("./latest.js").Outcome<Frame | undefined>>}
 */
export async function ask(address, picture) {
  try {
    const headers = { "Content-Type": picture.type };
    const response = await fetch(address, { method: "POST", body: picture, headers });
    if (response.ok) return { answer: parse(await response.arrayBuffer()) };
    if (response.status === COME_BACK) {
      return { again: Number(response.headers.get("Retry-After")) || 1, why: "busy" };
    }
    const { code, sentence } = await reason(response);
    return code === "blank_image" ? { answer: undefined } : { refusal: sentence };
  } catch {
    return { again: OFFLINE_SECONDS, why: "offline" };
  }
}
