// @ts-check
/**
 * Opens a modal dialog that is removed when it is closed.
 * @module
 */

/**
 * @param {string} className
 * @param {string} label accessible name
 * @param {...Node} content
 */
export function openDialog(className, label, ...content) {
  const dialog = document.createElement("dialog");
  dialog.className = className;
  dialog.setAttribute("aria-label", label);
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.append(...content, close);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close(); // a click on the backdrop has the dialog as target
  });
  document.body.append(dialog);
  dialog.showModal();
}
