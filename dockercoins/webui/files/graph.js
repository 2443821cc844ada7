// Asks webui for its numbers once a second and draws them.
"use strict";

const PERIOD = 1000; // milliseconds between two questions
const PATIENCE = 5000; // milliseconds we wait for one answer
const SVG = "http://www.w3.org/2000/svg";
const byId = (id) => document.getElementById(id);

let samples = [];

// ask gets one answer. The address is relative, so the page works under any
// path; no cookie is sent, so it works inside another page as well.
async function ask() {
  const answer = await fetch("json", {
    credentials: "omit", cache: "no-store", signal: AbortSignal.timeout(PATIENCE),
  });
  if (!answer.ok) throw new Error((await answer.text()).trim());
  return answer.json();
}

// tick does one round and books the next.
async function tick() {
  const next = performance.now() + PERIOD;
  try {
    const answer = await ask();
    samples = append(samples, sampleOf(answer));
    byId("status").textContent = answer.hashes === null ? "No worker has reported yet." : "";
    document.body.classList.remove("lost");
    show();
  } catch (error) {
    byId("status").textContent = `No answer, asking again. (${error.message})`;
    document.body.classList.add("lost");
  }
  setTimeout(tick, Math.max(0, next - performance.now()));
}

// show writes the numbers and draws the graph.
function show() {
  const newest = samples[samples.length - 1];
  const speed = steady(samples);
  byId("speed").textContent = speed === null ? "…" : `~${speed.toFixed(1)}`;
  byId("hashes").textContent = newest.hashes.toLocaleString("en");
  byId("coins").textContent = newest.coins.toLocaleString("en");
  draw();
}

// draw fills the picture, in the size it has just now.
function draw() {
  if (samples.length === 0) return;
  const svg = byId("graph");
  const { width, height } = svg.getBoundingClientRect();
  if (width === 0 || height === 0) return;
  const roomy = width >= 360 && height >= 140; // axes only where they can be read
  const plot = roomy
    ? { left: 44, top: 12, right: width - 12, bottom: height - 26 }
    : { left: 0, top: 2, right: width, bottom: height };
  const values = speeds(samples);
  const top = roof(Math.max(...values));
  const newest = samples[samples.length - 1].now;
  const x = (now) => plot.right - (newest - now) / (KEEP - 1) * (plot.right - plot.left);
  const y = (value) => plot.bottom - value / top * (plot.bottom - plot.top);

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren();
  if (roomy) axes(svg, plot, top, x, y, newest);
  const clip = (now) => Math.max(plot.left, x(now));
  const points = values.map((v, i) => [clip(samples[i + 1].now), y(v)]);
  const edge = points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join("L");
  add(svg, "path", { class: "area",
    d: `M${points[0][0].toFixed(1)},${plot.bottom}L${edge}L${plot.right},${plot.bottom}Z` });
  const line = averages(samples)
    .map((v, i) => v === null ? null : `${clip(samples[i].now).toFixed(1)},${y(v).toFixed(1)}`)
    .filter((point) => point !== null).join("L");
  if (line) add(svg, "path", { class: "average", d: `M${line}` });
}

// axes draws the lines and words around the plot.
function axes(svg, plot, top, x, y, newest) {
  for (const part of [0, 0.5, 1]) {
    const height = y(part * top);
    add(svg, "line", { class: "grid", x1: plot.left, x2: plot.right, y1: height, y2: height });
    add(svg, "text", { class: "mark", x: plot.left - 8, y: height + 4, "text-anchor": "end" })
      .textContent = short(part * top);
  }
  for (const minutes of [4, 3, 2, 1, 0]) {
    add(svg, "text", { class: "mark", x: x(newest - minutes * 60), y: plot.bottom + 18,
      "text-anchor": minutes === 0 ? "end" : "middle" })
      .textContent = minutes === 0 ? "now" : `−${minutes} min`;
  }
}

// add puts a new shape into the picture.
function add(svg, name, attributes) {
  const shape = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  return svg.appendChild(shape);
}

new ResizeObserver(draw).observe(byId("graph"));
tick();
