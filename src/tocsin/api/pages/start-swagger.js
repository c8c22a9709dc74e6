// `validatorUrl` would send the description to swagger.io.
SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#app',
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
})
