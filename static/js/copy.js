// @ts-check
/**
 * Copies code snippets.
 * @module
 */

/**
 * Show the copy buttons of a section of snippets and let them work.
 * @param {Element} section
 */
export function enableCopying(section) {
  const status = document.createElement("p");
  status.className = "copied";
  status.setAttribute("role", "status");
  status.setAttribute("data-added", "");
  section.after(status);
  for (const button of section.querySelectorAll("[data-copy]")) button.removeAttribute("hidden");
  section.addEventListener("click", async ({ target }) => {
    const button = target instanceof Element ? target.closest("button[data-copy]") : null;
    const name = button?.getAttribute("data-copy");
    if (!name) return;
    const snippet = section.querySelector(`[data-copy="${name}"]`)?.closest(".snippet");
    const code = snippet?.querySelector("code");
    if (code) status.textContent = await copyText(code, name);
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
