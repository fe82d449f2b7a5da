// @ts-check
/**
 * Asks again for what did not come, and leaves the server time in between.
 * @module
 */

const ATTEMPTS = 5;
const LONGEST = 30_000;
const WORTH_WAITING = new Set([408, 429, 502, 503, 504]);

/**
 * How long to wait: twice as long each time, at least as long as the server asked for, and not all
 * at the same moment.
 * @param {number} attempt from 0
 * @param {string | null} [retryAfter] the header, in seconds
 * @param {number} [chance] from 0 to 1
 * @returns {number} milliseconds
 */
export function pause(attempt, retryAfter = null, chance = Math.random()) {
  const asked = Number(retryAfter) * 1000 || 0;
  return Math.min(LONGEST, Math.max(asked, 1000 * 2 ** attempt) * (1 + chance / 4));
}

/** @param {number} milliseconds */
const rest = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/**
 * @param {string} address
 * @returns {Promise<{ came: boolean, worth: boolean, after: string | null }>}
 */
async function ask(address) {
  try {
    const { ok, status, headers } = await fetch(address, { headers: { Accept: "*/*" } });
    return { came: ok, worth: WORTH_WAITING.has(status), after: headers.get("Retry-After") };
  } catch {
    return { came: false, worth: true, after: null };
  }
}

/**
 * Ask until it comes, it is plain that it will not, or it has been asked for often enough.
 * @param {string} address
 * @param {(milliseconds: number) => void} [waits] told before each pause
 * @returns {Promise<boolean>} whether it came
 */
export async function arrived(address, waits) {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { came, worth, after } = await ask(address);
    if (came || !worth) return came;
    const milliseconds = pause(attempt, after);
    waits?.(milliseconds);
    await rest(milliseconds);
  }
  return false;
}
