// Draw the diagrams in the colours of the page's theme, and again when the theme changes.
(() => {
  const diagrams = [...document.querySelectorAll("pre.mermaid")].map((element) => [element, element.textContent]);
  const bySystem = window.matchMedia("(prefers-color-scheme: dark)");
  let drawn;

  const draw = async () => {
    const chosen = document.body.dataset.theme;
    const dark = chosen === "dark" || (chosen !== "light" && bySystem.matches);
    if (dark === drawn) return;
    drawn = dark;
    mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "neutral", fontFamily: "inherit" });
    for (const [element, text] of diagrams) {
      element.textContent = text;
      delete element.dataset.processed;
    }
    await mermaid.run({ nodes: diagrams.map(([element]) => element) });
  };

  new MutationObserver(draw).observe(document.body, { attributeFilter: ["data-theme"] });
  bySystem.addEventListener("change", draw);
  draw();
})();
