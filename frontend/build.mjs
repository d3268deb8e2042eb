// Builds every file of src/entries/ into ../static/, and the icon sprite from the names that templates and Python use.
// To add an entry, add a file to src/entries/; to add behaviour to every staff page, add a file to src/behaviours/.
import { readdirSync, readFileSync, writeFileSync, rmSync, mkdirSync, cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { geoCentroid } from "d3-geo";
import * as esbuild from "esbuild";
import { PurgeCSS } from "purgecss";
import { feature } from "topojson-client";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "..");
const out = join(root, "static");
const watch = process.argv.includes("--watch");

const entries = readdirSync(join(here, "src/entries")).map((name) => join(here, "src/entries", name));
const isBlocking = (path) => path.endsWith("theme.js"); // runs before the first paint, so it is no module

/** `import "behaviours"` loads every file in src/behaviours/, so that features add files and never edit a shared list. */
const behaviours = {
  name: "behaviours",
  setup(build) {
    build.onResolve({ filter: /^behaviours$/ }, () => ({ path: "behaviours", namespace: "behaviours" }));
    build.onLoad({ filter: /.*/, namespace: "behaviours" }, () => ({
      contents: readdirSync(join(here, "src/behaviours")).filter((name) => name.endsWith(".js")).sort()
        .map((name) => `import "./src/behaviours/${name}";`).join("\n"),
      resolveDir: here,
    }));
  },
};

/** `import small from "small-countries"`: ISO number → [longitude, latitude] of each country that the map's shapes are too coarse for. */
const smallCountries = {
  name: "small-countries",
  setup(build) {
    build.onResolve({ filter: /^small-countries$/ }, () => ({ path: "small-countries", namespace: "small-countries" }));
    build.onLoad({ filter: /.*/, namespace: "small-countries" }, () => {
      const shapesOf = (name) => {
        const atlas = JSON.parse(readFileSync(join(here, "node_modules/world-atlas", name), "utf8"));
        return feature(atlas, atlas.objects.countries).features.filter(({ id }) => id);
      };
      const drawn = new Set(shapesOf("countries-110m.json").map(({ id }) => id));
      const places = shapesOf("countries-10m.json").filter(({ id }) => !drawn.has(id)).map((shape) => [shape.id, geoCentroid(shape).map((n) => Math.round(n * 10) / 10)]);
      return { contents: JSON.stringify(Object.fromEntries(places)), loader: "json" };
    });
  },
};

/** Of Tabler, only the rules whose words stand somewhere in our sources: a tenth of it. Names that templates put together stay. */
const onlyWhatIsUsed = {
  name: "only-what-is-used",
  setup(build) {
    build.onLoad({ filter: /tabler\.min\.css$/ }, async ({ path }) => {
      const css = readFileSync(path, "utf8");
      if (watch) return { contents: css, loader: "css" };
      const content = [...sources()].map((name) => ({ raw: readFileSync(name, "utf8"), extension: "html" }));
      const [{ css: kept }] = await new PurgeCSS().purge({
        content, css: [{ raw: css }], keyframes: true, safelist: { standard: [/^btn/, /^form-/, "is-invalid", "show", "active", "disabled"] },
        defaultExtractor: (text) => text.match(/[A-Za-z0-9_-]+/g) ?? [],
      });
      return { contents: kept, loader: "css" };
    });
  },
};

/** Public pages run no script: what staff's pages switch by an attribute, they switch by what the visitor's system wants. */
const darkBySystem = {
  name: "dark-by-system",
  setup(build) {
    build.onEnd(() => {
      const place = join(out, "public.css");
      const dark = /\[data-bs-theme="?dark"?\]/g;
      const css = readFileSync(place, "utf8").replace(/((?:\[data-bs-theme="?dark"?\][^{}]*)+)\{([^{}]*)\}/g,
        (_all, names, rules) => `@media (prefers-color-scheme:dark){${names.replace(dark, ":root")}{${rules}}}`);
      if (css.includes("data-bs-theme")) throw new Error("public.css: a rule for dark was not understood");
      writeFileSync(place, css);
    });
  },
};

const common = {
  bundle: true, minify: !watch, sourcemap: watch ? "inline" : false, target: ["es2022", "chrome109", "firefox115", "safari16.4"],
  outdir: out, entryNames: "[name]", assetNames: "assets/[name]-[hash]", chunkNames: "chunks/[name]-[hash]",
  loader: { ".woff2": "file", ".woff": "empty", ".svg": "file", ".json": "json" },
  legalComments: "none", logLevel: "warning", plugins: [behaviours, smallCountries, onlyWhatIsUsed],
};
const builds = [
  { ...common, entryPoints: entries.filter((path) => !isBlocking(path)), format: "esm", splitting: true, plugins: [...common.plugins, darkBySystem] },
  { ...common, entryPoints: entries.filter(isBlocking), format: "iife" },
];

/** The sprite holds each Tabler icon whose name stands in quotes somewhere in a template, in Python or in our JavaScript. */
function buildSprite() {
  const outline = JSON.parse(readFileSync(join(here, "node_modules/@tabler/icons/tabler-nodes-outline.json"), "utf8"));
  const used = new Set(["alert-triangle", "help", "circle-dashed"]);
  for (const name of sources()) {
    for (const [, word] of readFileSync(name, "utf8").matchAll(/["']([a-z0-9]+(?:-[a-z0-9]+)*)["']/g)) {
      if (outline[word]) used.add(word);
    }
  }
  const symbols = [...used].sort().map((name) => {
    const parts = outline[name].map(([tag, attrs]) => `<${tag} ${Object.entries(attrs).map(([k, v]) => `${k}="${v}"`).join(" ")}/>`);
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${parts.join("")}</symbol>`;
  });
  writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`);
}

/** The world for pages without a script: one path a country by its ISO number, in the Equal Earth projection (Šavrič, Patterson, Jenny, 2018),
 * whole units of a drawing 1000 wide, relative moves. Antarctica is left out. */
function buildWorld() {
  const atlas = JSON.parse(readFileSync(join(here, "node_modules/world-atlas/countries-110m.json"), "utf8"));
  const [a1, a2, a3, a4] = [1.340264, -0.081106, 0.000893, 0.003796];
  const scale = 1000 / (2 * 2.7066);
  const project = ([lon, lat]) => {
    const t = Math.asin((Math.sqrt(3) / 2) * Math.sin((lat * Math.PI) / 180)), t2 = t * t, t6 = t2 * t2 * t2;
    const x = (2 * Math.sqrt(3) * ((lon * Math.PI) / 180) * Math.cos(t)) / (3 * (9 * a4 * t6 * t2 + 7 * a3 * t6 + 3 * a2 * t2 + a1));
    return [Math.round(500 + x * scale), Math.round(240 - t * (a4 * t6 * t2 + a3 * t6 + a2 * t2 + a1) * scale)];
  };
  const boxed = (rings) => {
    const [xs, ys] = [0, 1].map((i) => rings.flat().map((point) => project(point)[i]));
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  };
  /** A ring over the 180th meridian goes on beyond the edge: else a line is drawn all the way back. */
  const whole = (ring) => (Math.max(...ring.map(([lon]) => lon)) - Math.min(...ring.map(([lon]) => lon)) > 300 ? ring.map(([lon, lat]) => [lon < 0 ? lon + 360 : lon, lat]) : ring);
  const ringPath = (ring) => {
    const points = ring.map(project).filter(([x, y], i, all) => i === 0 || x !== all[i - 1][0] || y !== all[i - 1][1]);
    if (points.length < 4) return "";
    return `M${points[0].join(" ")}l` + points.slice(1, -1).map(([x, y], i) => `${x - points[i][0]} ${y - points[i][1]}`).join(" ") + "z";
  };
  const countries = {};
  for (const { id, geometry } of feature(atlas, atlas.objects.countries).features) {
    if (!id || id === "010") continue;
    const polygons = geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
    const rings = polygons.flat().map(whole);
    const path = rings.map(ringPath).join("");
    if (path) countries[id] = { path, box: boxed(rings) };
  }
  writeFileSync(join(out, "world.json"), JSON.stringify(countries));
}

/** Every file that may name an icon or a class. */
function* sources() {
  for (const folder of ["templates", "crm", "contacts", "campaigns", "frontend/src"]) yield* filesBelow(join(root, folder));
}

function* filesBelow(folder) {
  let children = [];
  try {
    children = readdirSync(folder, { withFileTypes: true });
  } catch {
    return; // a folder that is not there yet has no icons
  }
  for (const child of children) {
    const path = join(folder, child.name);
    if (child.isDirectory()) yield* filesBelow(path);
    else if (/\.(html|py|js)$/.test(child.name)) yield path;
  }
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
cpSync(join(here, "public"), out, { recursive: true });
for (const weight of [400, 700]) { // for PDF (crm/paper.py), which cannot read woff2: a server may have no Arabic font
  const name = `noto-sans-arabic-arabic-${weight}-normal.woff`;
  cpSync(join(here, "node_modules/@fontsource/noto-sans-arabic/files", name), join(out, "paper", name));
}
buildSprite();
buildWorld();
if (watch) {
  for (const options of builds) await (await esbuild.context(options)).watch();
  setInterval(buildSprite, 3000);
  console.log("Watching frontend/src; the icon sprite follows the templates.");
} else {
  await Promise.all(builds.map((options) => esbuild.build(options)));
}
