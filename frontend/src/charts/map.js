// The world map: countries that it is about have an edge, filled by their value or, without one, hollow with a dashed edge; all others are
// flat. A country too small for its shape is a circle.
import { geoCircle, geoNaturalEarth1, geoPath } from "d3-geo";
import * as echarts from "echarts/core";
import small from "small-countries";
import { colour } from "./theme.js";

const ANTARCTICA = "010";
const ASPECT = 2.2;
const CIRCLE = 1.3; // degrees
const LINE = 20; // px of a line of the legend
const NARROW = 500; // px: on less, the world is too small for ten countries, so that the part that they lie in is drawn
const AROUND = .12; // of that part's longer side
let shapes;

/** data: a map of crm.ui.charts.Chart; place: the element that it is drawn into. */
export async function mapOptions(data, text, place) {
  const { points, blank = [], unit = "", name = "" } = data;
  const paint = painter(data);
  const legend = legendOf(data, text, place.clientWidth, paint);
  const edge = { borderColor: colour("ink-2"), borderWidth: .8 };
  const shown = [
    ...points.map((point) => ({ ...named(point), value: point.value, itemStyle: { ...edge, areaColor: paint(point.value) } })),
    ...blank.map((point) => ({ ...named(point), value: NaN, itemStyle: { ...edge, areaColor: colour("card"), borderType: "dashed" } })),
  ];
  const about = new Set(shown.map(({ name: country }) => country));
  const features = await registerWorld(about);
  const room = place.clientHeight - legend.height;
  const sphere = geoNaturalEarth1();
  const part = place.clientWidth < NARROW && about.size ? cut(sphere, features.filter(({ properties }) => about.has(properties.id)), place.clientWidth / room) : null;
  const projection = { project: (point) => sphere(point), unproject: (point) => sphere.invert(point), stream: sphere.stream };
  return {
    graphic: legend.parts,
    series: [{
      type: "map", map: "world", projection, clip: false, roam: false, selectedMode: false, nameProperty: "id", name, data: shown,
      layoutCenter: ["50%", room / 2], layoutSize: part ? Math.max(place.clientWidth, room) : Math.min(place.clientWidth, room * ASPECT), boundingCoords: part,
      itemStyle: { areaColor: colour(about.size ? "line" : "rest"), borderColor: colour("card"), borderWidth: .5 },
      emphasis: { label: { show: false }, itemStyle: { areaColor: colour("warn") } },
      tooltip: { formatter: ({ data: point }) => (point ? `${point.label}: ${point.words ?? `${point.value}${unit}`}` : "") },
    }],
  };
}

/** Leave out what lies far from these countries: a box around them, in the proportion of the place. Returns two corners of it, as degrees. */
function cut(sphere, countries, ratio) {
  const [[left, top], [right, bottom]] = geoPath(sphere).bounds({ type: "FeatureCollection", features: countries });
  const margin = AROUND * Math.max(right - left, bottom - top);
  const width = Math.max(right - left + 2 * margin, (bottom - top + 2 * margin) * ratio);
  const [x, y] = [(left + right - width) / 2, (top + bottom - width / ratio) / 2];
  const end = [x + width, y + width / ratio];
  sphere.clipExtent([[x, y], end]);
  // a parallel is a straight line here, and the one nearest to the equator is the widest
  const [north, south] = [sphere.invert([x, y])[1], sphere.invert(end)[1]];
  const widest = sphere([0, Math.max(south, Math.min(north, 0))])[1];
  return [[sphere.invert([x, widest])[0], north], [sphere.invert([end[0], widest])[0], south]];
}

const named = ({ country, label, url, words }) => ({ name: country, label, url, words });

/** value → colour: of a scale its rung's, else between the lowest and the highest. */
function painter({ points, colors, scale }) {
  const tones = (colors?.length ? colors : ["p5", "p7"]).map(colour);
  if (scale?.length) return (value) => tones[value - 1];
  const [low, high] = span(points);
  return (value) => echarts.color.lerp((value - low) / (high - low), tones);
}

function span(points) {
  const values = points.map(({ value }) => value);
  return [Math.min(0, ...values), Math.max(1, ...values)];
}

/** Swatches with their words, as many to a line as fit; drawn, so that a saved picture has them too. */
function legendOf({ points, blank = [], colors = [], scale = [], unit = "", name = "", blank_label: without, outside_label: outside }, text, width, paint) {
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = `${text.fontSize}px ${text.fontFamily}`;
  const [low, high] = span(points);
  const items = scale.length
    ? scale.map((words, rung) => ({ words, fill: colour(colors[rung]), edge: true }))
    : [{ words: `${name}: ${low.toLocaleString()}${unit}`, bare: true }, { words: `${high.toLocaleString()}${unit}`, wide: true, edge: true, fill: { type: "linear", x: 0, y: 0, x2: 1, y2: 0, colorStops: [{ offset: 0, color: paint(low) }, { offset: 1, color: paint(high) }] } }];
  if (without && blank.length) items.push({ words: without, fill: colour("card"), edge: true, dashed: true });
  if (outside) items.push({ words: outside, fill: colour("line") });
  let x = 0, line = 0;
  const parts = [];
  for (const { words, fill, edge, dashed, bare, wide } of items) {
    const swatch = bare ? 0 : wide ? 70 : 14;
    const taken = (bare ? 0 : swatch + 6) + measure.measureText(words).width;
    if (x && x + taken > width) { x = 0; line += 1; }
    if (!bare) parts.push({ type: "rect", x, line, shape: { x: .5, y: .5, width: swatch - 1, height: 10 }, style: { fill, stroke: edge ? colour("ink-2") : "none", lineWidth: .8, lineDash: dashed ? [3, 2] : null } });
    parts.push({ type: "text", x: x + (bare ? 0 : swatch + 6), line, style: { text: words, fill: text.color, font: measure.font } });
    x += taken + (bare ? 10 : 16);
  }
  const place = ({ x: left, line: at, ...part }) => ({ ...part, left, bottom: (line - at) * LINE + (part.type === "rect" ? 7 : 9), silent: true });
  return { height: (line + 1) * LINE + 8, parts: parts.map(place) };
}

/** Shapes by ISO 3166 numeric code, which is what points give as `country` ("148" is Chad); those that the map is about are drawn last, so that
 * no neighbour lies over their edge. */
async function registerWorld(about) {
  shapes ??= await loadShapes();
  const features = [...shapes].sort((a, b) => about.has(a.properties.id) - about.has(b.properties.id));
  const drawn = new Set(shapes.map(({ properties }) => properties.id));
  for (const id of about) {
    if (!drawn.has(id) && small[id]) features.push({ type: "Feature", properties: { id }, geometry: geoCircle().center(small[id]).radius(CIRCLE)() });
  }
  echarts.registerMap("world", { type: "FeatureCollection", features });
  return features;
}

async function loadShapes() {
  const [{ feature }, { default: atlas }] = await Promise.all([import("topojson-client"), import("world-atlas/countries-110m.json")]);
  const found = feature(atlas, atlas.objects.countries).features.filter(({ id }) => id !== ANTARCTICA);
  for (const shape of found) shape.properties.id = shape.id ?? `x-${shape.properties.name}`; // areas without a code stay blank
  return found;
}
