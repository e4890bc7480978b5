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
sh "$(dirname "$0")/apt-install.sh" "Chromium" chromium
echo "Chromium is at $(command -v chromium)" >&2
