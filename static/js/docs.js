// @ts-check
/**
 * Starts Swagger UI on the description that the server gives of itself.
 * @module
 */

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");

/** Its colours follow a class of its own, the page's what the visitor chose or the system has. */
function follow() {
  const chosen = root.dataset["theme"];
  root.classList.toggle("dark-mode", chosen === "dark" || (chosen !== "light" && system.matches));
}

follow();
system.addEventListener("change", follow);
new MutationObserver(follow).observe(root, { attributeFilter: ["data-theme"] });

/** @type {any} */
const swagger = Reflect.get(globalThis, "SwaggerUIBundle");

swagger({
  url: "/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  syntaxHighlight: { activated: false },
  validatorUrl: null,
  /** The page has its own main part. */
  onComplete: () => document.getElementById("operations")?.setAttribute("role", "group"),
});
