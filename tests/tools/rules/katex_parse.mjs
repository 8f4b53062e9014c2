// Reads [{where, tex, display}, …] from stdin and prints a line per formula that KaTeX
// refuses. Exit code 3: there is no KaTeX. KATEX_DIR says where it is, if not in node's
// usual places.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

let katex;
try {
  katex = createRequire(import.meta.url)(process.env.KATEX_DIR || "katex");
} catch {
  process.exit(3);
}
for (const { where, tex, display } of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    katex.renderToString(tex, { displayMode: display, throwOnError: true, strict: "error" });
  } catch (error) {
    console.log(`${where}: ${error.message}`);
  }
}
