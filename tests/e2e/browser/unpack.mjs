// Unpacks the browser that came as a package: the program, and the system libraries and fonts that a bare machine lacks.
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { createBrotliDecompress } from "node:zlib";
import tar from "tar-fs";

const modules = join(dirname(fileURLToPath(import.meta.url)), "node_modules");
const packed = join(modules, "@sparticuz", "chromium", "bin");
const place = join(modules, ".chromium");

await rm(place, { recursive: true, force: true });
await mkdir(place, { recursive: true });

const program = join(place, "chromium");
await pipeline(createReadStream(join(packed, "chromium.br")), createBrotliDecompress(), createWriteStream(program));
await chmod(program, 0o755);

for (const archive of ["al2023", "swiftshader", "fonts"]) {
  const source = createReadStream(join(packed, `${archive}.tar.br`));
  await pipeline(source, createBrotliDecompress(), tar.extract(archive === "swiftshader" ? place : join(place, archive)));
}

// its own names the folders of another machine
const dirs = [join(place, "fonts", "fonts"), "/usr/share/fonts", "/usr/local/share/fonts"].map((dir) => `<dir>${dir}</dir>`);
const config = `<cachedir>${join(place, "fonts", "cache")}</cachedir>`;
await writeFile(join(place, "fonts", "fonts.conf"), `<?xml version="1.0"?><fontconfig>${dirs.join("")}${config}</fontconfig>\n`);
