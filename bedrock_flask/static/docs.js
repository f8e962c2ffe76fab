// A file rather than an inline script, so that the page works under the policy `script-src 'self'`.
// The document is found from this script's own address (…/static/docs.js), so that it is right behind any base path.
const openapi = new URL("../openapi.json", document.currentScript.src).href;

function show(key) {
  const ui = SwaggerUIBundle({
    url: openapi,
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: true,
    tryItOutEnabled: false,
    validatorUrl: null, // the badge would send the document's address to a public server
    requestInterceptor: (request) => {
      if (key && request.loadSpec) request.headers["x-api-key"] = key;
      return request;
    },
    onComplete: () => key && ui.preauthorizeApiKey("key", key),
  });
}

async function open(key) {
  const response = await fetch(openapi, { headers: key ? { "x-api-key": key } : {} });
  document.querySelector("#key").hidden = response.status !== 401;
  if (response.status !== 401) show(key);
}

// Where the gateway has keys, the document needs one too; it stays in this page.
document.querySelector("#key").addEventListener("submit", (event) => {
  event.preventDefault();
  open(new FormData(event.target).get("key"));
});

open("");
