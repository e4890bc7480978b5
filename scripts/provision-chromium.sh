#!/bin/sh
# Installs Chromium, in which test/bench/report-page.slow.test.ts looks at the benchmark's page, unless one is there:
# SILT_CHROMIUM, or one of its usual names in the PATH. Needs Debian's or Ubuntu's apt-get, and root or sudo.
set -eu

for name in "${SILT_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && found=$(command -v "$name"); then
    echo "Chromium is already there: $found" >&2
    exit 0
  fi
done
if ! command -v apt-get >/dev/null; then
  echo "no Chromium in the PATH, and no apt-get to install it with; install one and set SILT_CHROMIUM" >&2
  exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Chromium is installed by apt-get, which needs root or sudo" >&2
    exit 1
  fi
  as_root=sudo
fi
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium
echo "Chromium is at $(command -v chromium)" >&2
