#!/usr/bin/env bash
# List and call the three tools with the MCP Inspector, an independent client, in both protocol eras.
# Usage: inspector.sh PEDAXR CLINIC_HOME FOLDER   (FOLDER receives node 22 and the Inspector, from npm)
set -euo pipefail
pedaxr=$1 home=$2 folder=$3
mkdir -p "$folder"
cd "$folder"
[ -f package.json ] || echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund node@22   # under older nodes npm installs an old Inspector, silently
export PATH="$PWD/node_modules/.bin:$PATH" HOME="$PWD"
npm install --silent --no-audit --no-fund @modelcontextprotocol/inspector@2.12.0
inspect() { mcp-inspector --cli --connect-timeout 120000 --protocol-era "$era" "$@" -- "$pedaxr" serve --home "$home" ${PEDAXR_WEIGHTS:+--weights "$PEDAXR_WEIGHTS"}; }
field() { node -e 'const r = JSON.parse(require("fs").readFileSync(0)); console.log(eval("r." + process.argv[1]))' "$1"; }

for era in modern legacy; do
    inspect --strict --method tools/list | field 'tools.map(t => t.name).join(" ")'
    found=$(inspect --method tools/call --tool-name find_patient --tool-arg query="${QUERY:-윤하람}")
    study=$(field 'structuredContent.matches[0].studies[0].study_id' <<< "$found")
    echo "[$era] find_patient: $(field structuredContent.status <<< "$found"), first study $study"
    for tool in segment_xray generate_report; do
        answer=$(inspect --method tools/call --tool-name "$tool" --tool-arg study_id="$study")
        echo "[$era] $tool: $(field 'content.map(c => c.type).join(" ")' <<< "$answer")"
    done
    status=0
    inspect --method tools/call --tool-name segment_xray --tool-arg study_id=none > /dev/null 2>&1 || status=$?
    [ "$status" = 5 ] || { echo "an unknown study should end in code 5, not $status"; exit 1; }
    echo "[$era] an unknown study is refused as a tool error"
done
