#!/usr/bin/env bash
# List and call the tools with the MCP Inspector, an independent client: in both protocol eras, over HTTP and stdio.
# Usage: inspector.sh PEDAXR CLINIC_HOME FOLDER URL   (FOLDER receives node 22 and the Inspector, from npm; URL is the
# endpoint of a running server)
set -euo pipefail
pedaxr=$1 home=$2 folder=$3 url=$4
mkdir -p "$folder"
cd "$folder"
[ -f package.json ] || echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund node@22   # under older nodes npm installs an old Inspector, silently
export PATH="$PWD/node_modules/.bin:$PATH" HOME="$PWD"
npm install --silent --no-audit --no-fund @modelcontextprotocol/inspector@2.12.0
# The Inspector's command line waits a minute for a call and no longer, whatever its settings say. HTTP comes first: that
# server has its networks in memory, and has compiled them for the servers that are started over stdio.
patience='"connectionTimeout": 300000'
environment="{\"PEDAXR_HOME\": \"$home\"${PEDAXR_WEIGHTS:+, \"PEDAXR_WEIGHTS\": \"$PEDAXR_WEIGHTS\"}}"
cat > servers.json << JSON
{"mcpServers": {
  "stdio": {"type": "stdio", "command": "$pedaxr", "args": ["serve"], "env": $environment, $patience},
  "http": {"type": "streamable-http", "url": "$url", $patience}
}}
JSON
inspect() { mcp-inspector --cli --config servers.json --server "$transport" --protocol-era "$era" "$@"; }
field() { node -e 'const r = JSON.parse(require("fs").readFileSync(0)); console.log(eval("r." + process.argv[1]))' "$1"; }

for transport in http stdio; do
    for era in modern legacy; do
        echo "[$transport, $era] tools: $(inspect --strict --method tools/list | field 'tools.map(t => t.name).join(" ")')"
        for method in resources/templates/list prompts/list; do
            inspect --method "$method" > /dev/null && echo "[$transport, $era] $method"
        done
        found=$(inspect --method tools/call --tool-name find_patient --tool-arg query="${QUERY:-윤하람}")
        study=$(field 'structuredContent.matches[0].studies[0].study_id' <<< "$found")
        echo "[$transport, $era] find_patient: $(field structuredContent.status <<< "$found"), first study $study"
        for tool in segment_xray generate_report; do
            answer=$(inspect --method tools/call --tool-name "$tool" --tool-arg study_id="$study")
            echo "[$transport, $era] $tool: $(field 'content.map(c => c.type).join(" ")' <<< "$answer")"
            printf '%s' "$answer" > "reply-$tool.json"
        done
        status=0
        inspect --method tools/call --tool-name segment_xray --tool-arg study_id=none > /dev/null 2>&1 || status=$?
        [ "$status" = 5 ] || { echo "an unknown study should end in code 5, not $status"; exit 1; }
        echo "[$transport, $era] an unknown study is refused as a tool error"
    done
done
inspect --method tools/list > reply-tools.json
"$(dirname "$pedaxr")/python" -c "from pedaxr_server.mcp.server import INSTRUCTIONS; print(INSTRUCTIONS)" > instructions.txt
for query in "${QUERY:-윤하람}" "${NAMESAKES:-김민준}"; do
    inspect --method tools/call --tool-name find_patient --tool-arg query="$query" --tool-arg limit=20 > "reply-find-$query.json"
done
