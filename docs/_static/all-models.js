// Filter the table of all models: a text, and a choice for each of some columns. Without this script the table is whole.
(() => {
  const table = document.querySelector("article table");
  if (!table) return;
  const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows].map((row) => ({ row, cells: [...row.cells].map((cell) => cell.textContent.trim()) }));
  const columns = ["writes", "takes", "surfaces", "life cycle"].map((name) => ({ name, at: heads.indexOf(name) })).filter(({ at }) => at >= 0);

  // `active, ends 2027-03-31` is listed under its first word only: days are not choices.
  const valuesOf = ({ name, at }, cells) => {
    const values = cells[at].split(",").map((value) => value.trim()).filter(Boolean);
    return name === "life cycle" ? values.slice(0, 1) : values;
  };

  const add = (parent, kind, members = {}) => parent.appendChild(Object.assign(document.createElement(kind), members));
  const form = Object.assign(document.createElement("form"), { className: "model-filter" });
  form.setAttribute("role", "search");
  const label = (text) => add(form, "label", { textContent: text });
  const text = add(label("text"), "input", { type: "search", name: "text", placeholder: "id, model or family", autocomplete: "off" });
  const choices = columns.map((column) => {
    const select = add(label(column.name), "select", { name: column.name });
    add(select, "option", { value: "", textContent: "any" });
    const values = new Set(rows.flatMap(({ cells }) => valuesOf(column, cells)));
    for (const value of [...values].sort()) add(select, "option", { value, textContent: value });
    return { column, select };
  });
  const count = add(form, "output");
  count.setAttribute("aria-live", "polite");

  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { row, cells } of rows) {
      const whole = cells.join(" ").toLowerCase();
      const matches =
        words.every((word) => whole.includes(word)) &&
        choices.every(({ column, select }) => !select.value || valuesOf(column, cells).includes(select.value));
      row.hidden = !matches;
      shown += matches;
    }
    count.textContent = `${shown} of ${rows.length} models`;
  };

  // A link may carry the choice: all-models.html#writes=embedding
  const readAddress = () => {
    if (!location.hash.includes("=")) return;
    const wanted = new URLSearchParams(location.hash.slice(1));
    text.value = wanted.get("text") ?? "";
    for (const { column, select } of choices) select.value = wanted.get(column.name) ?? "";
  };
  const writeAddress = () => {
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    history.replaceState(null, "", `${location.pathname}${location.search}${chosen.size ? `#${chosen}` : ""}`);
  };

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    filter();
    writeAddress();
  });
  addEventListener("hashchange", () => {
    readAddress();
    filter();
  });
  (table.closest(".table-wrapper") ?? table).before(form);
  readAddress();
  filter();
})();
