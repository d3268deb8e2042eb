// Draws what <c-chart> describes. Only the parts of ECharts that are used are bundled.
import { BarChart, LineChart, MapChart, ScatterChart } from "echarts/charts";
import { AriaComponent, GraphicComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import { mapOptions } from "./map.js";
import { colour } from "./theme.js";

echarts.use([AriaComponent, BarChart, GraphicComponent, GridComponent, LegendComponent, LineChart, MapChart, ScatterChart, SVGRenderer, TooltipComponent]);

const drawn = new Map();

export async function draw(holder) {
  const data = JSON.parse(holder.dataset.figures);
  const place = holder.querySelector(".gs-chart");
  const old = drawn.get(place);
  old?.dispose();
  holder.classList.add("drawn");
  const chart = echarts.init(place, null, { renderer: "svg" });
  chart.setOption(await optionsOf(data, holder));
  chart.on("click", ({ data: point, dataIndex }) => {
    const url = point?.url ?? data.urls?.[dataIndex];
    if (url) location.assign(url);
  });
  drawn.set(place, chart);
  offerFiles(holder, chart);
}

/** The drawing as a file: SVG as it is, PNG by way of a canvas at twice its size, both on the card's own colour. */
function offerFiles(holder, chart) {
  const bar = holder.querySelector("[data-chart-save]");
  if (!bar) return;
  bar.hidden = false;
  bar.onclick = async ({ target }) => {
    const kind = target.closest("[data-save]")?.dataset.save;
    if (!kind) return;
    const svg = chart.renderToSVGString();
    const file = kind === "svg" ? new Blob([svg], { type: "image/svg+xml" }) : await rasterised(svg, chart.getWidth(), chart.getHeight());
    keep(file, `${holder.dataset.chart}.${kind}`);
  };
}

async function rasterised(svg, width, height) {
  const picture = new Image(width * 2, height * 2);
  picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`; // the policy allows no blob: as a picture
  await picture.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width: width * 2, height: height * 2 });
  const pen = canvas.getContext("2d");
  pen.fillStyle = colour("card");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function keep(file, name) {
  const address = URL.createObjectURL(file);
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

async function optionsOf(data, holder) {
  const ink = colour("ink-2");
  const line = colour("line");
  const text = { color: ink, fontFamily: getComputedStyle(document.body).fontFamily, fontSize: 11 };
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const base = {
    animation: !calm, animationDuration: 150, textStyle: text, aria: { enabled: true, label: { description: holder.dataset.label } },
    tooltip: {
      trigger: data.kind === "map" ? "item" : "axis", renderMode: "richText", confine: true,
      backgroundColor: colour("card"), borderColor: line, textStyle: { ...text, color: colour("ink"), fontSize: 12 },
      axisPointer: { type: data.kind === "bar" ? "shadow" : "line", shadowStyle: { color: line, opacity: .5 } },
    },
  };
  if (data.kind === "map") return { ...base, ...await mapOptions(data, text, holder.querySelector(".gs-chart")) };
  if (data.kind === "steps") return { ...base, ...stepOptions(data, text, line, base) };
  if (data.kind === "matrix") return { ...base, ...matrixOptions(data, text, line, base) };
  return { ...base, ...axisOptions(data, text, line) };
}

/** A line that stays where it is until the next step, on an axis of time; the rungs have names. */
function stepOptions({ points, scale, until, name }, text, line, { tooltip }) {
  const last = points.at(-1);
  const data = points.map(({ at, value, url, label }) => ({ value: [at, value], url, label, itemStyle: { color: colour(`p${value}`), borderColor: colour("ink-2"), borderWidth: 1 } }));
  if (until > last.at) data.push({ value: [until, last.value], symbolSize: 0, label: last.label });
  return {
    grid: { left: 4, right: 16, top: 10, bottom: 4, containLabel: true },
    tooltip: { ...tooltip, trigger: "item", formatter: ({ data: point }) => `${point.value[0]}: ${point.label}` },
    xAxis: { type: "time", axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { ...text, hideOverlap: true, formatter: (at) => new Date(at).toLocaleDateString(document.documentElement.lang, { month: "short", year: "2-digit" }) }, minInterval: 30 * 24 * 3600 * 1000 },
    yAxis: { type: "value", min: 1, max: scale.length, interval: 1, splitLine: { lineStyle: { color: line } }, axisLabel: { ...text, formatter: (n) => scale[n - 1] ?? "" } },
    series: [{ name, type: "line", step: "end", data, symbol: "circle", symbolSize: 10, lineStyle: { width: 2, color: colour("ink-2") } }],
  };
}

const PER_ROW = 5;

/** Points of one cell stand beside each other, so that each can be seen and opened. */
function matrixOptions({ points, scale, x_scale: columns, x_name: across, y_name: up }, text, line, { tooltip }) {
  const seen = new Map();
  const counts = new Map();
  for (const { x, y } of points) counts.set(`${x}.${y}`, (counts.get(`${x}.${y}`) ?? 0) + 1);
  const data = points.map(({ x, y, label, note, url, color }) => {
    const key = `${x}.${y}`;
    const place = seen.get(key) ?? 0;
    seen.set(key, place + 1);
    const side = Math.max(PER_ROW, Math.ceil(Math.sqrt(counts.get(key))));
    const rows = Math.ceil(counts.get(key) / side);
    const inRow = Math.min(side, counts.get(key) - Math.floor(place / side) * side);
    const dx = ((place % side) - (inRow - 1) / 2) * (0.8 / side);
    const dy = rows > 1 ? (Math.floor(place / side) - (rows - 1) / 2) * Math.min(0.16, 0.8 / rows) : 0;
    return { value: [x + dx, y + dy], label: undefined, name: label, note, url, words: `${columns[x - 1]} · ${scale[y - 1]}`, itemStyle: { color: colour(color) } };
  });
  const axis = (names, name, place) => ({
    type: "value", min: .5, max: names.length + .5, interval: 1, name, nameLocation: "middle", nameGap: place, nameTextStyle: text,
    splitLine: { lineStyle: { color: line } }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false }, axisLabel: { show: false },
  });
  const narrow = innerWidth < 560;
  const words = (names, isAcross) => ({
    type: "category", data: narrow && isAcross ? names.map((word) => word.slice(0, 3)) : narrow ? names.map((word) => word.split(":")[0]) : names, position: isAcross ? "bottom" : "left", axisTick: { show: false }, axisLine: { show: false }, axisLabel: { ...text, interval: 0 }, splitLine: { show: false },
  });
  return {
    grid: { left: narrow ? 34 : 96, right: 12, top: 12, bottom: 52 },
    tooltip: { ...tooltip, trigger: "item", formatter: ({ data: point }) => `${point.name}\n${point.note} · ${point.words}` },
    xAxis: [axis(columns, across, 30), words(columns, true)],
    yAxis: [axis(scale, narrow ? "" : up, 78), words(scale, false)],
    series: [
      { type: "scatter", data, symbolSize: points.length > 400 ? 6 : 10, itemStyle: { opacity: .9 }, cursor: "pointer" },
      { type: "scatter", xAxisIndex: 1, yAxisIndex: 1, data: [], silent: true },
    ],
  };
}

/** How many lines a legend takes at this width in px: the axis ends above it. A letter is about 6.5 px wide, mark and gap 25. */
function legendLines(names, width) {
  let lines = 1, used = 0;
  for (const name of names) {
    const wide = name.length * 6.5 + 25;
    if (used && used + wide > width) { lines += 1; used = 0; }
    used += wide;
  }
  return lines;
}

function axisOptions({ kind, labels, series, stacked = true, horizontal = false, unit = "" }, text, line) {
  const category = { type: "category", data: labels, inverse: horizontal, axisTick: { show: false }, axisLine: { lineStyle: { color: line } }, axisLabel: text };
  const value = { type: "value", minInterval: unit ? 0 : 1, splitLine: { lineStyle: { color: line } }, axisLabel: { ...text, formatter: (n) => n.toLocaleString() + unit } };
  const lines = legendLines(series.map(({ name }) => name), Math.min(innerWidth, 720) - 70);
  return {
    grid: { left: 4, right: 12, top: 16, bottom: series.length > 1 ? 10 + 20 * lines : 4, containLabel: true },
    legend: series.length > 1 ? { bottom: 0, left: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: text } : undefined,
    xAxis: horizontal ? value : category,
    yAxis: horizontal ? category : value,
    series: series.map(({ name, values, color = "blue" }) => ({
      name, type: kind, data: values, color: colour(color), stack: kind === "bar" && stacked ? "all" : undefined, barMaxWidth: 22,
      itemStyle: kind === "bar" ? { borderRadius: 3 } : {}, symbolSize: 5, lineStyle: { width: 2 }, areaStyle: kind === "line" && series.length === 1 ? { opacity: .08 } : undefined,
    })),
  };
}

new ResizeObserver(() => drawn.forEach((chart) => chart.resize())).observe(document.body);
document.addEventListener("gs:theme", () => drawn.forEach((_, place) => draw(place.closest("[data-chart]"))));
