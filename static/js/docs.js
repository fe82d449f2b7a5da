// @ts-check
/**
 * Starts Swagger UI on the description that the server gives of itself.
 * @module
 */

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
