// A file rather than an inline script, so that the page works under the policy `script-src 'self'`.
// The document is found from this script's own address (…/static/docs.js), so that a base path may stand before both.
const openapi = new URL("../openapi.json", document.currentScript.src).href;

SwaggerUIBundle({
  url: openapi,
  dom_id: "#swagger-ui",
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: false,
  validatorUrl: null, // the badge would send the document's address to a public server
});
