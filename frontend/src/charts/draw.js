// Draws what <c-chart> describes. Only the parts of ECharts that are used are bundled.
import { BarChart, LineChart, MapChart } from "echarts/charts";
import { AriaComponent, GridComponent, LegendComponent, TooltipComponent, VisualMapComponent } from "echarts/components";
import { geoNaturalEarth1 } from "d3-geo";
import * as echarts from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

echarts.use([AriaComponent, BarChart, GridComponent, LegendComponent, LineChart, MapChart, SVGRenderer, TooltipComponent, VisualMapComponent]);

const drawn = new Map();
const ANTARCTICA = "010";
const MAP_ASPECT = 2.2;
const sphere = geoNaturalEarth1();

export async function draw(holder) {
  const data = JSON.parse(document.getElementById(holder.dataset.chart).textContent);
  const place = holder.querySelector(".gs-chart");
  const old = drawn.get(place);
  old?.dispose();
  if (data.kind === "map") await loadWorld();
  holder.classList.add("drawn");
  const chart = echarts.init(place, null, { renderer: "svg" });
  chart.setOption(optionsOf(data, holder));
  chart.on("click", ({ data: point, dataIndex }) => {
    const url = point?.url ?? data.urls?.[dataIndex];
    if (url) location.assign(url);
  });
  drawn.set(place, chart);
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--gs-${name}`).trim();

function optionsOf(data, holder) {
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
  return data.kind === "map" ? { ...base, ...mapOptions(data, text, holder.querySelector(".gs-chart")) } : { ...base, ...axisOptions(data, text, line) };
}

function axisOptions({ kind, labels, series, stacked = true, horizontal = false, unit = "" }, text, line) {
  const category = { type: "category", data: labels, inverse: horizontal, axisTick: { show: false }, axisLine: { lineStyle: { color: line } }, axisLabel: text };
  const value = { type: "value", minInterval: unit ? 0 : 1, splitLine: { lineStyle: { color: line } }, axisLabel: { ...text, formatter: (n) => n.toLocaleString() + unit } };
  return {
    grid: { left: 4, right: 12, top: 16, bottom: series.length > 1 ? 30 : 4, containLabel: true },
    legend: series.length > 1 ? { bottom: 0, left: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: text } : undefined,
    xAxis: horizontal ? value : category,
    yAxis: horizontal ? category : value,
    series: series.map(({ name, values, color = "blue" }) => ({
      name, type: kind, data: values, color: colour(color), stack: kind === "bar" && stacked ? "all" : undefined, barMaxWidth: 22,
      itemStyle: kind === "bar" ? { borderRadius: 3 } : {}, symbolSize: 5, lineStyle: { width: 2 }, areaStyle: kind === "line" && series.length === 1 ? { opacity: .08 } : undefined,
    })),
  };
}

function mapOptions({ points, unit = "", name = "" }, text, place) {
  const values = points.map(({ value }) => value).filter((value) => value !== null);
  return {
    visualMap: { min: Math.min(0, ...values), max: Math.max(1, ...values), orient: "horizontal", left: 0, bottom: 0, itemHeight: 90, itemWidth: 10, textStyle: text, text: [`${Math.max(...values)}${unit}`, name], inRange: { color: [colour("p5"), colour("p7")] } },
    series: [{
      type: "map", map: "world", projection: { project: (point) => sphere(point), unproject: (point) => sphere.invert(point), stream: sphere.stream }, clip: false, layoutCenter: ["50%", "46%"], layoutSize: Math.min(place.clientWidth, (place.clientHeight - 30) * MAP_ASPECT), nameProperty: "id", name, roam: false, selectedMode: false, data: points.map(({ country, label, value, url }) => ({ name: country, value, label, url })),
      itemStyle: { areaColor: colour("rest"), borderColor: colour("card"), borderWidth: .5 }, emphasis: { label: { show: false }, itemStyle: { areaColor: colour("warn") } },
      tooltip: { formatter: ({ data: point }) => (point ? `${point.label}: ${point.value}${unit}` : "") },
    }],
  };
}

/** Country shapes by ISO 3166 numeric code, which is what points give as `country` ("148" is Chad). */
async function loadWorld() {
  if (echarts.getMap("world")) return;
  const [{ feature }, { default: atlas }] = await Promise.all([import("topojson-client"), import("world-atlas/countries-110m.json")]);
  const world = feature(atlas, atlas.objects.countries);
  world.features = world.features.filter(({ id }) => id !== ANTARCTICA);
  for (const shape of world.features) shape.properties.id = shape.id ?? `x-${shape.properties.name}`; // areas without a code stay blank
  echarts.registerMap("world", world);
}

new ResizeObserver(() => drawn.forEach((chart) => chart.resize())).observe(document.body);
document.addEventListener("gs:theme", () => drawn.forEach((_, place) => draw(place.closest("[data-chart]"))));
