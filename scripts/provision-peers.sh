#!/bin/sh
# Installs the peers that `silt bench` and the benchmarks compare with, as far as packages provide them: by apt,
# desync from its Go module, bita from its crate. What is there already is left alone. SILT_TOOLS says where
# the built ones go, by default ~/.cache/silt-tools.
#
#     sh scripts/provision-peers.sh             what can be had; says what is missing and why
#     sh scripts/provision-peers.sh --strict    fails when one of them cannot be had
set -eu
cd "$(dirname "$0")/.."

desync_version=0.9.6
bita_version=0.15.0
tools=${SILT_TOOLS:-$HOME/.cache/silt-tools}

strict=false
case ${1:-} in
'') ;;
--strict) strict=true ;;
*)
  echo "expected --strict or nothing, found $1" >&2
  exit 2
  ;;
esac

missing=0
lacks() {
  echo "missing: $*" >&2
  missing=$((missing + 1))
}

# Programs and their Debian packages; time is GNU time, which measures.
packages=
for pair in casync:casync zck:zchunk zsync:zsync xdelta3:xdelta3 bsdiff:bsdiff rdiff:rdiff zstd:zstd \
  ostree:ostree /usr/bin/time:time; do
  command -v "${pair%%:*}" >/dev/null || packages="$packages ${pair##*:}"
done

if [ -n "$packages" ]; then
  root=
  [ "$(id -u)" = 0 ] || root=sudo
  if ! command -v apt-get >/dev/null; then
    lacks "$packages: there is no apt-get on this system; install them by its own means"
  elif [ -n "$root" ] && ! command -v sudo >/dev/null; then
    lacks "$packages: needs root or sudo; run as root: apt-get install$packages"
  else
    export DEBIAN_FRONTEND=noninteractive
    # One by one: a package that this release does not have must not keep out the others.
    $root apt-get update -q >&2 || true
    for package in $packages; do
      $root apt-get install -q -y --no-install-recommends "$package" >&2 ||
        lacks "$package: apt-get could not install it"
    done
  fi
fi

# True when the file $1 was built as version $2.
is_built() {
  [ -x "$tools/$1" ] && [ "$(cat "$tools/$1.version" 2>/dev/null)" = "$2" ]
}

if ! is_built desync "$desync_version"; then
  if ! command -v go >/dev/null; then
    lacks "desync: is built by Go 1.21 or later, and there is no go in the PATH"
  else
    mkdir -p "$tools"
    # bench/desync/go.sum says what every module has to be.
    if (cd bench/desync && GOFLAGS=-buildvcs=false go build -o "$tools/desync" github.com/folbricht/desync/cmd/desync); then
      echo "$desync_version" >"$tools/desync.version"
    else
      lacks "desync: go could not build it"
    fi
  fi
fi

if ! is_built bita "$bita_version"; then
  if ! command -v cargo >/dev/null; then
    lacks "bita: is built by Rust 1.88 or later, and there is no cargo in the PATH"
  else
    mkdir -p "$tools"
    build=$(mktemp -d)
    trap 'rm -rf "$build"' EXIT
    if cargo install bita --version "$bita_version" --locked --quiet --root "$build"; then
      mv "$build/bin/bita" "$tools/bita"
      echo "$bita_version" >"$tools/bita.version"
    else
      lacks "bita: cargo could not build it"
    fi
  fi
fi

for program in hdiffz hpatchz; do
  command -v "$program" >/dev/null ||
    echo "not in the PATH: $program of HDiffPatch, which no package provides and nothing here requires;" \
      "github.com/sisong/HDiffPatch has its sources, and our figures are of 4.12.0" >&2
done

case :$PATH: in
*:"$tools":*) ;;
*) echo "put the built peers into your PATH: export PATH=\"$tools:\$PATH\"" >&2 ;;
esac

if [ "$missing" = 0 ]; then
  echo "all peers that packages provide are here" >&2
elif $strict; then
  exit 1
fi
