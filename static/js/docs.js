// @ts-check
/**
 * Starts Swagger UI on the server's OpenAPI description, in the theme of the site.
 * @module
 */

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

/** Swagger UI has a class for dark mode; the site has a `data-theme` or follows the system. */
function syncTheme() {
  const chosen = root.dataset["theme"];
  root.classList.toggle("dark-mode", chosen === "dark" || (chosen !== "light" && system.matches));
}

syncTheme();
system.addEventListener("change", syncTheme);
new MutationObserver(syncTheme).observe(root, { attributeFilter: ["data-theme"] });

/** @type {any} */
const swagger = Reflect.get(globalThis, "SwaggerUIBundle");

swagger({
  url: `${root.dataset["root"] ?? ""}/openapi.json`,
  dom_id: "#swagger",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  syntaxHighlight: { activated: false },
  validatorUrl: null,
  // Swagger UI marks the operations as the main landmark, and the page has one already.
  onComplete: () => document.getElementById("operations")?.setAttribute("role", "group"),
});
