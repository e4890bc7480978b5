#!/bin/busybox sh
exec /usr/bin/node /usr/lib/silt/dist/cli/main.js "$@"
