// @ts-check
/**
 * The pages beside the one under way: another sample, another layer. Pure but for two questions to
 * the API, asked once.
 * @module
 */

import { step } from "./shortcuts.js";

/**
 * @typedef {{ network: string, digit: string, rest: string }} Place
 * @typedef {{ name: string, shape: number[] }} Layer
 */

/**
 * @param {string} path
 * @returns {Place | undefined}
 */
export function placeOf(path) {
  const found = /^\/networks\/([^/]+)\/digits\/([^/]+)(.*)$/.exec(path);
  const [, network, digit, rest] = found ?? [];
  return network && digit ? { network, digit, rest: rest ?? "" } : undefined;
}

/**
 * The same page of the next sample.
 * @param {Place} place
 * @param {readonly { id: string }[]} samples
 * @param {1 | -1} by
 */
export function besideDigit(place, samples, by) {
  const ids = samples.map((sample) => sample.id);
  const next = step(ids, ids.indexOf(place.digit), by);
  return next && `/networks/${place.network}/digits/${next}${place.rest}`;
}

/**
 * The filter of the same index in the layer before or after, or its last one.
 * @param {Place} place of a filter's page
 * @param {readonly Layer[]} layers in forward order
 * @param {1 | -1} by
 */
export function besideFilter(place, layers, by) {
  const [, name, index] = /^\/layers\/([^/]+)\/filters\/(\d+)$/.exec(place.rest) ?? [];
  const next = layers[layers.findIndex((layer) => layer.name === name) + by];
  if (!name || !next) return undefined;
  const filter = Math.min(Number(index), (next.shape.at(-1) ?? 1) - 1);
  const base = `/networks/${place.network}/digits/${place.digit}`;
  return `${base}/layers/${next.name}/filters/${filter}`;
}

/** @type {Map<string, Promise<any>>} */
const asked = new Map();

/** @param {string} address of the API */
export function ask(address) {
  const answer = asked.get(address) ?? fetch(address).then((response) => response.json());
  asked.set(address, answer);
  answer.catch(() => asked.delete(address));
  return answer;
}
