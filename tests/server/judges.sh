#!/usr/bin/env bash
# The independent judges, installed by name from npm: Inspector CLI (strict, both eras, both transports) and the
# official conformance suite. Usage: judges.sh BIN CLINIC_HOME FOLDER   (BIN holds python and pedaxr)
set -euo pipefail
bin=$1 home=$2 folder=$3 here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder" && cd "$folder"
[ -f package.json ] || echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund node@22   # under older nodes npm installs an old Inspector, silently
export PATH="$PWD/node_modules/.bin:$PATH" HOME="$PWD"
npm install --silent --no-audit --no-fund @modelcontextprotocol/inspector@2.12.0 \
    @modelcontextprotocol/conformance@0.2.0-alpha.12 gpt-tokenizer@4 @anthropic-ai/tokenizer@0.0.4
servers=()
trap 'kill "${servers[@]}" 2> /dev/null || true' EXIT
start() { # start PORT COMMAND...: run it in the background and wait until it is ready, networks and all if it warms them
    local port=$1; shift
    PEDAXR_HOME=$home "$@" > "server-$port.log" 2>&1 & servers+=($!)
    for _ in $(seq 300); do
        node -e "fetch('http://127.0.0.1:$port/readyz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))" && return
        sleep 1
    done
    echo "no server on port $port:"; cat "server-$port.log"; exit 1
}
start 8770 "$bin/pedaxr" serve --http --warm --port 8770
start 8771 "$bin/python" -P "$here/conformance_server.py" --port 8771   # -P: tests/server/mcp is no SDK

echo "== Inspector: strict, both eras, stdio and HTTP"
bash "$here/inspector.sh" "$bin/pedaxr" "$home" "$folder" http://127.0.0.1:8770/mcp

echo "== Tokens of definitions and replies"
node "$here/count_tokens.mjs" "$folder"

echo "== Inspector: its web page in Chromium (the App view, the form for the human)"
if "$bin/python" -c "import playwright" 2> /dev/null && command -v chromium chromium-browser google-chrome > /dev/null; then
    study=$(PEDAXR_HOME=$home "$bin/pedaxr" find "${QUERY:-윤하람}" --json - |
        "$bin/python" -c 'import json, sys; print(json.load(sys.stdin)["matches"][0]["studies"][0]["study_id"])')
    report=$(PEDAXR_HOME=$home "$bin/pedaxr" report "$study" --json - |
        "$bin/python" -c 'import json, sys; print(json.load(sys.stdin)["report_id"])')
    MCP_AUTO_OPEN_ENABLED=false DANGEROUSLY_OMIT_AUTH=true mcp-inspector --web --transport http \
        --server-url http://127.0.0.1:8770/mcp --protocol-era modern > web.log 2>&1 & servers+=($!)
    for _ in $(seq 150); do grep -q "up and running" web.log && break; sleep 0.2; done
    PYTHONPATH=$here/../.. "$bin/python" "$here/viewer/in_inspector.py" http://127.0.0.1:6274 "$study" "$report" "$folder"
else
    echo "left out: needs pip install -e '.[browser]' and a Chromium on the path"
fi

judge() { # judge NAME PORT: every scored scenario of the revision, with the suite's own exit code
    local status=0
    conformance server --url "http://127.0.0.1:$2/mcp" --requirements 2026-07-28 -o "$folder/$1" > "$1.log" 2>&1 || status=$?
    grep -E "^(Total|Not scored)" "$1.log"
    return "$status"
}
echo "== Conformance: the real server (scenarios that call no fixture)"
judge real 8770 || true
fixture_free=(completion-complete tools-list resources-list prompts-list sep-2164-resource-not-found
    caching dns-rebinding-protection http-header-validation server-sse-multiple-streams
    input-required-result-unsupported-methods)
for scenario in "${fixture_free[@]}"; do
    grep -qE "^✓ $scenario:" real.log || { echo "failed: $scenario"; grep -A3 -F "$scenario" real.log; exit 1; }
done
echo "passed: ${fixture_free[*]}"
echo "== Conformance: the server with the suite's fixtures (all scored scenarios)"
judge fixtures 8771
