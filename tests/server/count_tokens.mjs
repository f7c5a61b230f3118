// Tokens of the tools' definitions and of replies' texts, by three tokenizers of language models.
// Usage: node count_tokens.mjs FOLDER   (holds reply-*.json of inspector.sh; fails when one is over its budget)
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const folder = resolve(process.argv[2]);
const load = createRequire(join(folder, "package.json"));
const TOKENIZERS = {
  o200k: load("gpt-tokenizer/encoding/o200k_base").countTokens,
  cl100k: load("gpt-tokenizer/encoding/cl100k_base").countTokens,
  claude: load("@anthropic-ai/tokenizer").countTokens,
};
const DEFINITIONS = "reply-tools.json";  // with the server's instructions, which a host may pass on
let isOver = false;
for (const file of readdirSync(folder).filter((name) => /^reply-.*\.json$/.test(name))) {
  const reply = JSON.parse(readFileSync(join(folder, file), "utf8"));
  const text = file === DEFINITIONS
    ? JSON.stringify(reply.tools) + readFileSync(join(folder, "instructions.txt"), "utf8").trim()
    : reply.content.filter((block) => block.type === "text").map((block) => block.text).join("\n");
  const most = file === DEFINITIONS ? 1500 : 2000;
  const counts = Object.entries(TOKENIZERS).map(([name, count]) => [name, count(text)]);
  isOver ||= counts.some(([, count]) => count > most);
  console.log(`${file}: ${counts.map(([name, count]) => `${name} ${count}`).join(", ")} (at most ${most})`);
}
process.exit(isOver ? 1 : 0);
