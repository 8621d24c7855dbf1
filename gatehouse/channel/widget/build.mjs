// Builds the two modules of built/ from src/. The first line of each names the SHA-256 of the
// sources and of the code below it, so that a check without Node can tell whether they agree.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// From the current directory, so that the tools may be installed elsewhere.
const { buildSync } = createRequire(join(process.cwd(), "package.json"))("esbuild");
const here = dirname(fileURLToPath(import.meta.url));
const target = process.argv[2] ?? join(here, "built");
const modules = { "gatehouse.js": "src/main.ts", "account.js": "src/account.ts" };

const sources = createHash("sha256");
for (const name of readdirSync(join(here, "src")).sort()) {
  sources.update(`${name}\n`).update(readFileSync(join(here, "src", name))).update("\n");
}
const named = sources.digest("hex");
for (const [name, entry] of Object.entries(modules)) {
  const { outputFiles } = buildSync({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    format: "esm",
    target: "es2022",
    minify: true,
    charset: "utf8",
    legalComments: "none",
    write: false,
  });
  const code = outputFiles[0].text;
  const body = createHash("sha256").update(code).digest("hex");
  writeFileSync(join(target, name), `/* gatehouse chat page; sources ${named}; code ${body} */\n${code}`);
}
