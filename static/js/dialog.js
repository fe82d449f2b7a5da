// @ts-check
/**
 * A dialog over the page, gone when it is closed.
 * @module
 */

/**
 * @param {string} name
 * @param {string} label
 * @param {...Node} content
 */
export function open(name, label, ...content) {
  const dialog = document.createElement("dialog");
  dialog.className = name;
  dialog.setAttribute("aria-label", label);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(...content, close);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // beside it: what is around belongs to it as well
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
