// What all pages share: data that comes as script files, tables, charts.
"use strict";

const dfprobe = {
  values: new Map(),
  loading: new Map(),

  // Called by every data file.
  take(name, value) {
    dfprobe.values.set(name, value);
  },

  // A page from disk may not fetch, but it may add a script.
  load(name) {
    if (!dfprobe.loading.has(name)) dfprobe.loading.set(name, dfprobe.addScript(name));
    return dfprobe.loading.get(name);
  },

  addScript(name) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `clips/${name}.js`;
      script.onload = () => resolve(dfprobe.values.get(name));
      script.onerror = () => reject(new Error(`${script.src} is not beside this page`));
      document.head.append(script);
    });
  },

  // Element with attributes and children; text is never read as HTML.
  element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  },

  colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  },

  // The layout of a chart in the colours of the page.
  themed(layout) {
    const [ink, line] = [dfprobe.colour("--ink"), dfprobe.colour("--line")];
    const made = {
      margin: { l: 50, r: 10, t: 30, b: 45 },
      ...layout,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, family: "system-ui, Helvetica, Arial, sans-serif", size: 12 },
      hoverlabel: { bgcolor: dfprobe.colour("--paper"), font: { color: ink } },
    };
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key)))
      made[name] = { gridcolor: line, linecolor: line, ...layout[name] };
    made.shapes = (layout.shapes ?? []).map((shape) => ({
      ...shape, line: { color: ink, ...shape.line },
    }));
    return made;
  },

  plotSettings: { responsive: true, displaylogo: false, displayModeBar: false },
};

function sortBy(table, column, ascending) {
  const body = table.tBodies[0];
  const key = (row) => {
    const cell = row.cells[column];
    return cell.dataset.order === undefined ? cell.textContent : Number(cell.dataset.order);
  };
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    return typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y));
  };
  const rows = [...body.rows].sort((a, b) => (ascending ? compare(a, b) : compare(b, a)));
  body.append(...rows);
}

function makeSortable(table) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = dfprobe.element("button", { type: "button" }, ...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const numbers = head.classList.contains("n");
      const now = head.getAttribute("aria-sort");
      const ascending = now === null ? !numbers : now === "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      sortBy(table, column, ascending);
    });
  });
}

function makeFilterable(table) {
  const input = dfprobe.element("input", { type: "search", placeholder: "words of a row" });
  const count = dfprobe.element("span", { class: "quiet", role: "status" });
  const rows = [...table.tBodies[0].rows];
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = words.length ? `${shown} of ${rows.length} rows` : "";
  });
  const label = dfprobe.element("label", {}, "Filter", input);
  table.parentElement.before(dfprobe.element("p", { class: "tools" }, label, count));
}

function makePanels(select) {
  const parts = [...document.querySelectorAll("[data-panel]")]
    .filter((part) => part.dataset.panel === select.dataset.panels);
  const show = () => parts.forEach((part, place) => { part.hidden = place !== select.selectedIndex; });
  select.addEventListener("change", show);
  show();
}

function makeChart(figure, views) {
  if (!views?.length) {
    figure.querySelector(".plot").replaceWith("There is nothing to draw.");
    return;
  }
  const select = dfprobe.element("select");
  select.append(...views.map((view) => dfprobe.element("option", {}, view.name)));
  if (views.length > 1)
    figure.querySelector(".tools").append(dfprobe.element("label", {}, "Show", select));
  const draw = () => {
    const view = views[select.selectedIndex];
    const plot = figure.querySelector(".plot");
    Plotly.react(plot, view.data, dfprobe.themed(view.layout), dfprobe.plotSettings);
  };
  select.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

function makeCosts(place, rows) {
  const titles = ["Stage", "Encoder", "Jobs", "Seconds", "CPU seconds", "Memory, MB", "Storage, MB"];
  const heads = titles.map((title, column) =>
    dfprobe.element("th", { scope: "col", class: column < 2 ? "" : "n" }, title));
  const lines = rows.map(({ stage, encoder, ...numbers }) => dfprobe.element("tr", {},
    dfprobe.element("th", { scope: "row" }, stage),
    dfprobe.element("td", {}, encoder || "–"),
    ...Object.values(numbers).map((value) => dfprobe.element(
      "td", { class: "n", "data-order": value }, value.toLocaleString("en", { maximumFractionDigits: 1 })))));
  const table = dfprobe.element("table", { class: "data", id: "cost-table" },
    dfprobe.element("caption", {}, "Time and storage"),
    dfprobe.element("thead", {}, dfprobe.element("tr", {}, ...heads)),
    dfprobe.element("tbody", {}, ...lines));
  place.append(dfprobe.element(
    "div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Time and storage" }, table));
}

document.addEventListener("DOMContentLoaded", () => {
  const costs = document.getElementById("costs");
  if (costs) makeCosts(costs, dfprobe.values.get("provenance") ?? []);
  document.querySelectorAll("table.data").forEach((table) => {
    makeSortable(table);
    if (table.tBodies[0].rows.length > 5) makeFilterable(table);
  });
  document.querySelectorAll("[data-panels]").forEach(makePanels);
  const notes = document.getElementById("notes");
  notes?.addEventListener("change", () =>
    document.getElementById("matrix").classList.toggle("with-notes", notes.checked));
  const charts = dfprobe.values.get("data")?.charts ?? {};
  document.querySelectorAll("[data-chart]").forEach((figure) =>
    makeChart(figure, charts[figure.dataset.chart]));
});
