#!/bin/sh
# Installs versitygw, the S3 server that test/store/s3.test.ts runs against, unless it is already there.
# It is built from its Go module; SILT_TOOLS says where to, by default ~/.cache/silt-tools.
set -eu

version=v1.8.0
tools=${SILT_TOOLS:-$HOME/.cache/silt-tools}
stamp=$tools/versitygw.version

if [ -x "$tools/versitygw" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$version" ]; then
  echo "versitygw $version is already in $tools" >&2
  exit 0
fi
if ! command -v go >/dev/null; then
  echo "versitygw needs Go 1.25 or later to be built, and there is no go in the PATH" >&2
  exit 1
fi
mkdir -p "$tools"
GOBIN=$tools GOFLAGS=-buildvcs=false go install "github.com/versity/versitygw/cmd/versitygw@$version"
echo "$version" >"$stamp"
echo "versitygw $version is in $tools" >&2
