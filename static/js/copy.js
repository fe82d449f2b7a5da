// @ts-check
/**
 * Copies what can be taken away from a page, and says so.
 * @module
 */

import { pageAt } from "./swap.js";

/**
 * Give the snippets of a section their buttons, and keep the snippets true to the page's address.
 * @param {Element} details
 */
export function offer(details) {
  const said = document.createElement("p");
  said.className = "copied";
  said.setAttribute("role", "status");
  details.after(said);
  reveal(details);
  let address = location.href;
  const refresh = async () => {
    if (address === location.href) return;
    address = location.href;
    await renew(details, address);
  };
  details.addEventListener("toggle", () => void refresh());
  details.addEventListener("click", async ({ target }) => {
    const button = target instanceof Element ? target.closest("button[data-copy]") : null;
    const what = button?.getAttribute("data-copy");
    if (!what) return;
    await refresh();
    const snippet = details.querySelector(`[data-copy="${what}"]`)?.closest(".snippet");
    const code = snippet?.querySelector("code");
    if (code) said.textContent = await copy(code, what);
  });
}

/** @param {Element} details */
function reveal(details) {
  for (const button of details.querySelectorAll("[data-copy]")) button.removeAttribute("hidden");
}

/**
 * What the page at an address has to copy; where it cannot be had, what is there stays.
 * @param {Element} details
 * @param {string} address
 */
async function renew(details, address) {
  const page = await pageAt(address).catch(() => undefined);
  const fresh = page?.querySelectorAll("[data-away] code");
  details.querySelectorAll("code").forEach((code, at) => {
    const text = fresh?.[at]?.textContent;
    if (text) code.textContent = text;
  });
}

/**
 * Copy a text; where the browser does not allow that, select it.
 * @param {HTMLElement} code
 * @param {string} what
 * @returns {Promise<string>} what to say
 */
async function copy(code, what) {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    return `Copied ${what}.`;
  } catch {
    getSelection()?.selectAllChildren(code);
    return `Selected ${what}: press Ctrl+C to copy it.`;
  }
}
