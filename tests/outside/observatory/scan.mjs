// Grades https://NAME:PORT, which this machine serves: every name leads to 127.0.0.1.
// Usage: node scan.mjs NAME:PORT, with NODE_EXTRA_CA_CERTS naming the authority to trust.
import dns from "node:dns";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

dns.lookup = (_name, options, done) => {
  const found = { address: "127.0.0.1", family: 4 };
  const answer = typeof options === "function" ? options : done;
  if (options?.all) answer(null, [found]);
  else answer(null, found.address, found.family);
};

// The list of preloaded hosts is fetched when the package is installed; here it is empty.
const conf = join(
  dirname(fileURLToPath(import.meta.url)),
  "node_modules/@mdn/mdn-http-observatory/conf",
);
mkdirSync(conf, { recursive: true });
for (const name of ["hsts-preload.json", "tld-list.json"]) {
  if (!existsSync(join(conf, name))) writeFileSync(join(conf, name), "{}");
}

const { scan } = await import("@mdn/mdn-http-observatory");
const { scan: grade, tests } = await scan(process.argv[2]);
const results = Object.entries(tests).map(([name, test]) => [name, test.pass, test.result]);
console.log(JSON.stringify({ grade: grade.grade, score: grade.score, results }));
