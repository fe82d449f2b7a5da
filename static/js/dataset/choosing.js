// @ts-check
/**
 * Shows the chosen digits as soon as something is chosen, at an address without empty parts.
 * @module
 */

/**
 * The names of a form's fields that were left open.
 * @param {Iterable<[string, unknown]>} fields
 * @returns {string[]}
 */
export function leftOpen(fields) {
  return [...fields].filter(([, value]) => value === "").map(([name]) => name);
}

/** @param {HTMLFormElement} form */
export function choose(form) {
  for (const button of form.querySelectorAll("button")) button.hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
  form.addEventListener("formdata", ({ formData }) => {
    for (const name of leftOpen(formData.entries())) formData.delete(name);
  });
}
