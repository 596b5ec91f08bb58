// The clip explorer: a list of clips in pages, and one clip to step through.
"use strict";

const PAGE = 25; // rows of the list
const COLUMNS = 3; // probes with their scores in the list
const STEP_S = 0.04; // of the line where there are no frames
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const WORDS = { 0: "real", 1: "fake", null: "unknown" };

document.addEventListener("DOMContentLoaded", () => {
  const { corpora, train, encoders, colours } = dfprobe.values.get("explorer");
  const at = (id) => document.getElementById(id);
  const state = { corpus: null, index: null, page: 0, row: null, clip: null, frame: 0, chosen: [0], asked: 0 };

  const probeName = ({ encoder, train: from }) => `${encoders[encoder] ?? encoder}, trained on ${train[from] ?? from}`;
  const shortName = ({ encoder, train: from }) => `${encoders[encoder] ?? encoder} ← ${train[from] ?? from}`;
  const probability = (z) => (z === null ? null : 1 / (1 + Math.exp(-2 * z)));
  const hash = (row) => `#${encodeURIComponent(state.corpus)}/${row[3]}`;

  // The list -------------------------------------------------------------------------

  function fits([name, label, manipulation]) {
    const wanted = at("label").value;
    const text = at("search").value.toLowerCase();
    return (wanted === "" || String(label) === wanted)
      && `${name} ${manipulation ?? ""}`.toLowerCase().includes(text);
  }

  async function chunk(place) {
    return dfprobe.load(`${state.corpus}/list-${String(place).padStart(3, "0")}`);
  }

  // Rows of the page and their number in all. Only a search reads the whole list.
  async function pageRows() {
    const { clips, chunk: size, shown } = state.index;
    const start = state.page * PAGE;
    const filters = at("label").value !== "" || at("search").value !== "";
    if (!at("shown").checked && !filters) {
      const rows = clips ? await chunk(Math.floor(start / size)) : [];
      return [rows.slice(start % size, (start % size) + PAGE), clips];
    }
    let rows = shown;
    if (!at("shown").checked) {
      rows = [];
      for (let place = 0; place * size < clips; place++) rows.push(...(await chunk(place)));
    }
    rows = rows.filter(fits);
    return [rows.slice(start, start + PAGE), rows.length];
  }

  function score(value) {
    return typeof value === "number" ? value.toFixed(2) : `– ${value ?? ""}`;
  }

  function listRow(row) {
    const [name, label, manipulation, file, scores] = row;
    const open = file === null ? name : dfprobe.element("button", { type: "button" }, name);
    if (file !== null) open.addEventListener("click", () => { location.hash = hash(row); });
    const current = String(file !== null && file === state.row?.[3]);
    return dfprobe.element("tr", { "aria-current": current },
      dfprobe.element("th", { scope: "row" }, open),
      dfprobe.element("td", {}, WORDS[label]),
      dfprobe.element("td", {}, manipulation ?? "–"),
      ...state.chosen.slice(0, COLUMNS).map((place) => dfprobe.element("td", { class: "n" }, score(scores[place]))));
  }

  async function showList() {
    const asked = ++state.asked;
    const [rows, total] = await pageRows();
    if (asked !== state.asked) return; // another page was asked for meanwhile
    const chosen = state.chosen.slice(0, COLUMNS).map((place) => shortName(state.index.probes[place]));
    const heads = ["Clip", "Label", "Manipulation", ...chosen.map((name) => `z of ${name}`)];
    at("clips").tHead.replaceChildren(dfprobe.element("tr", {},
      ...heads.map((head, place) => dfprobe.element("th", { scope: "col", class: place < 3 ? "" : "n" }, head))));
    at("clips").tBodies[0].replaceChildren(...rows.map(listRow));
    const first = total ? state.page * PAGE + 1 : 0;
    at("count").textContent = `${first} to ${first + rows.length - (total ? 1 : 0)} of ${total} clips; `
      + `${state.index.clips} in the test split, ${state.index.shown.length} with details`;
    at("back").disabled = state.page === 0;
    at("on").disabled = (state.page + 1) * PAGE >= total;
  }

  function showProbes() {
    at("probes").replaceChildren(...state.index.probes.map((probe, place) => {
      const box = dfprobe.element("input", { type: "checkbox" });
      box.checked = state.chosen.includes(place);
      box.addEventListener("change", () => {
        state.chosen = state.chosen.filter((other) => other !== place);
        if (box.checked) state.chosen.push(place);
        state.chosen.sort((a, b) => a - b);
        showList();
        if (state.clip) draw();
      });
      return dfprobe.element("label", {}, box, probeName(probe));
    }));
  }

  // One probe of each encoder.
  function firstProbes(probes) {
    const encoders = probes.map(({ encoder }) => encoder);
    return [...new Set(encoders)].map((encoder) => encoders.indexOf(encoder));
  }

  async function showCorpus(name) {
    if (state.corpus !== name) {
      Object.assign(state, { corpus: name, index: await dfprobe.load(`${name}/index`), page: 0 });
      state.chosen = firstProbes(state.index.probes).slice(0, 3);
      at("corpus").value = name;
      showProbes();
    }
    await showList();
  }

  // One clip -------------------------------------------------------------------------

  function truth(kind, value) {
    if (value === null) return `${kind}: not known`;
    if (value === true) return `${kind}: all of it fake`;
    if (!value.length) return `${kind}: real`;
    return `${kind}: fake ${value.map(([from, to]) => `${from.toFixed(2)} to ${to.toFixed(2)} s`).join(", ")}`;
  }

  function length() {
    const { frames, sound } = state.clip;
    return Math.max(sound?.seconds ?? 0, (frames?.times.at(-1) ?? 0) + STEP_S);
  }

  const steps = () => state.clip.frames?.times.length ?? Math.max(1, Math.floor(length() / STEP_S));
  const time = () => state.clip.frames?.times[state.frame] ?? state.frame * STEP_S;

  async function showClip(file) {
    const row = state.index.shown.find((other) => other[3] === file);
    if (!row) return;
    state.clip = await dfprobe.load(`${state.corpus}/${file}`);
    Object.assign(state, { row, frame: 0 });
    const [name, label, manipulation] = row;
    at("viewer").hidden = false;
    at("clip").textContent = name;
    at("truth").textContent = [`Label: ${WORDS[label]}`, manipulation && `manipulation: ${manipulation}`,
      truth("video", state.clip.video), truth("sound", state.clip.audio), ...state.clip.problems]
      .filter(Boolean).join("; ");
    const place = state.index.shown.indexOf(row);
    at("clip-back").disabled = place === 0;
    at("clip-on").disabled = place === state.index.shown.length - 1;
    at("time").max = steps() - 1;
    showSprite();
    draw();
    goTo(0);
    await showList();
    if (location.hash) at("clip").focus({ preventScroll: true }); // somebody chose it
    if (at("viewer").getBoundingClientRect().top > innerHeight / 2) at("viewer").scrollIntoView();
  }

  function showSprite() {
    const { frames } = state.clip;
    at("frame").hidden = frames === null;
    if (frames === null) return;
    const style = at("frame").style;
    style.aspectRatio = `${frames.width} / ${frames.height}`;
    style.setProperty("--ratio", frames.width / frames.height); // high frames stay on the screen
    style.backgroundImage = `url("clips/${encodeURIComponent(state.corpus)}/${frames.image}")`;
    style.backgroundSize = `${100 * frames.columns}% ${100 * frames.rows}%`;
  }

  function goTo(frame) {
    state.frame = Math.min(Math.max(frame, 0), steps() - 1);
    const words = `Frame ${state.frame + 1} of ${steps()}, ${time().toFixed(2)} s`;
    at("time").value = state.frame;
    at("time").setAttribute("aria-valuetext", words);
    at("now").textContent = words;
    at("frame-back").disabled = state.frame === 0;
    at("frame-on").disabled = state.frame === steps() - 1;
    const { frames } = state.clip;
    if (frames) {
      const [column, row] = [state.frame % frames.columns, Math.floor(state.frame / frames.columns)];
      const across = (place, count) => (count > 1 ? (100 * place) / (count - 1) : 0);
      at("frame").style.backgroundPosition = `${across(column, frames.columns)}% ${across(row, frames.rows)}%`;
      at("frame").setAttribute("aria-label", words);
    }
    Plotly.relayout(at("plot"), { "shapes[0].x0": time(), "shapes[0].x1": time() });
  }

  function step(by) {
    goTo(state.frame + by);
  }

  function stepClip(by) {
    const rows = state.index.shown;
    const row = rows[rows.indexOf(state.row) + by];
    if (row) location.hash = hash(row);
  }

  // The plot of a clip ---------------------------------------------------------------

  function curveTrace(place, number) {
    const curve = state.clip.curves[place];
    const logit = at("scale").value === "logit";
    const values = curve?.values ?? [];
    return {
      type: "scatter",
      mode: "lines",
      name: probeName(state.index.probes[place]).replaceAll("<", "&lt;"), // Plotly reads tags
      x: values.map((_, row) => curve.first + row * curve.step),
      y: values.map((z) => (logit ? z : probability(z))),
      line: { color: colours.series[number % colours.series.length], dash: DASHES[number % DASHES.length], width: 2 },
      hovertemplate: "%{y:.2f}<extra>%{fullData.name}</extra>",
    };
  }

  // Plotly draws an axis only where something lies on it: the picture is not enough.
  const onAxis = (yaxis) => ({ type: "scatter", mode: "none", x: [0, length()], y: [0, 0], yaxis,
    showlegend: false, hoverinfo: "skip" });

  function waveTraces() {
    const { sound } = state.clip;
    if (!sound) return [];
    const x = sound.low.map((_, place) => ((place + 0.5) * sound.seconds) / sound.low.length);
    const shared = { type: "scatter", mode: "lines", x, yaxis: "y2", showlegend: false, hoverinfo: "skip",
      line: { color: dfprobe.colour("--quiet"), width: 1 } };
    return [{ ...shared, y: sound.low }, { ...shared, y: sound.high, fill: "tonexty" }];
  }

  function bands(value, axis, layer) {
    const parts = value === true ? [[0, length()]] : value ?? [];
    return parts.map(([x0, x1]) => ({ type: "rect", layer, xref: "x", yref: axis, x0, x1, y0: 0, y1: 1,
      fillcolor: colours.fake, opacity: 0.2, line: { color: colours.fake, width: 1 } }));
  }

  function layout() {
    const { sound, audio, video } = state.clip;
    const logit = at("scale").value === "logit";
    const cursor = { type: "line", xref: "x", yref: "paper", x0: time(), x1: time(), y0: 0, y1: 1,
      line: { width: 2 } };
    const images = sound ? [{ source: sound.mel, xref: "x", yref: "y3", x: 0, y: 1, sizex: sound.seconds, sizey: 1,
      sizing: "stretch", layer: "below" }] : [];
    const bare = { showticklabels: false, showgrid: false, zeroline: false, fixedrange: true };
    return {
      height: 520,
      margin: { l: 60, r: 8, t: 10, b: 45 },
      hovermode: "x",
      dragmode: false,
      showlegend: true,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", traceorder: "normal" },
      xaxis: { title: { text: "Seconds" }, range: [0, length()], anchor: "y3", zeroline: false },
      yaxis: { domain: [0.5, 1], title: { text: logit ? "Logit z" : "Probability of fake" }, zeroline: false,
        ...(logit ? {} : { range: [-0.02, 1.02] }) },
      yaxis2: { ...bare, domain: [0.28, 0.46], title: { text: "Sound" }, range: [-105, 105] },
      yaxis3: { ...bare, domain: [0, 0.25], title: { text: "Mel" }, range: [0, 1] },
      shapes: [cursor, ...bands(video, "y domain", "below"),
        ...bands(audio, "y2 domain", "below"), ...bands(audio, "y3 domain", "above")],
      images,
    };
  }

  function draw() {
    const traces = [...state.chosen.map(curveTrace), ...["y", "y2", "y3"].map(onAxis), ...waveTraces()];
    at("plot").setAttribute("aria-label", `Curves of ${state.chosen.length} probes over ${length().toFixed(1)} s, `
      + "the sound and its spectrogram; what is fake is said in words above");
    Plotly.react(at("plot"), traces, dfprobe.themed(layout()), dfprobe.plotSettings);
    at("plot").removeAllListeners("plotly_click");
    at("plot").on("plotly_click", (event) => goNear(event.points[0].x));
  }

  function goNear(seconds) {
    const times = state.clip.frames?.times ?? [...Array(steps()).keys()].map((place) => place * STEP_S);
    goTo(times.reduce((best, t, place) => (Math.abs(t - seconds) < Math.abs(times[best] - seconds) ? place : best), 0));
  }

  // What people do -------------------------------------------------------------------

  async function follow() {
    const [corpus, file] = decodeURIComponent(location.hash.slice(1)).split("/");
    const known = corpora.some(({ name }) => name === corpus);
    await showCorpus(known ? corpus : state.corpus ?? corpora[0].name);
    const first = state.index.shown[0]?.[3];
    const asked = known && file ? file : first;
    if (asked !== undefined) await showClip(asked);
  }

  function onKey(event) {
    const typing = event.target.matches("input:not([type=checkbox]), select");
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || !state.clip || (typing && event.target !== at("time"))) return;
    event.preventDefault();
    if (event.shiftKey) stepClip(by);
    else step(by);
  }

  at("corpus").append(...corpora.map(({ name, label }) => dfprobe.element("option", { value: name }, label)));
  at("corpus").addEventListener("change", () => { location.hash = `#${encodeURIComponent(at("corpus").value)}`; });
  for (const id of ["label", "search", "shown"])
    at(id).addEventListener("input", () => { state.page = 0; showList(); });
  at("back").addEventListener("click", () => { state.page -= 1; showList(); });
  at("on").addEventListener("click", () => { state.page += 1; showList(); });
  at("clip-back").addEventListener("click", () => stepClip(-1));
  at("clip-on").addEventListener("click", () => stepClip(1));
  at("frame-back").addEventListener("click", () => step(-1));
  at("frame-on").addEventListener("click", () => step(1));
  at("time").addEventListener("input", () => goTo(Number(at("time").value)));
  at("scale").addEventListener("change", draw);
  document.addEventListener("keydown", onKey);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (state.clip) draw(); });
  addEventListener("hashchange", follow);
  follow();
});
