// @ts-check
/**
 * Copies code snippets, and keeps them in step with the page's address.
 * @module
 */

import { fetchPage } from "./swap.js";

/**
 * Show the copy buttons of a section of snippets and let them work.
 * @param {Element} section
 */
export function enableCopying(section) {
  const status = document.createElement("p");
  status.className = "copied";
  status.setAttribute("role", "status");
  section.after(status);
  for (const button of section.querySelectorAll("[data-copy]")) button.removeAttribute("hidden");
  let address = location.href;
  const refresh = async () => {
    if (address === location.href) return;
    address = location.href;
    await updateSnippets(section, address);
  };
  section.addEventListener("toggle", () => void refresh());
  section.addEventListener("click", async ({ target }) => {
    const button = target instanceof Element ? target.closest("button[data-copy]") : null;
    const name = button?.getAttribute("data-copy");
    if (!name) return;
    await refresh();
    const snippet = section.querySelector(`[data-copy="${name}"]`)?.closest(".snippet");
    const code = snippet?.querySelector("code");
    if (code) status.textContent = await copyText(code, name);
  });
}

/**
 * Take the snippets from the page at another address. They stay as they are if it does not load.
 * @param {Element} section
 * @param {string} address
 */
async function updateSnippets(section, address) {
  const page = await fetchPage(address).catch(() => undefined);
  const fresh = page?.querySelectorAll("[data-snippets] code");
  section.querySelectorAll("code").forEach((code, index) => {
    const text = fresh?.[index]?.textContent;
    if (text) code.textContent = text;
  });
}

/**
 * Copy a text; if the browser does not allow that, select it.
 * @param {HTMLElement} code
 * @param {string} name
 * @returns {Promise<string>} a message for the status line
 */
async function copyText(code, name) {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    return `Copied ${name}.`;
  } catch {
    getSelection()?.selectAllChildren(code);
    return `Selected ${name}: press Ctrl+C to copy it.`;
  }
}
