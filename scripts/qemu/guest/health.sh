#!/bin/busybox sh
# The health hook: an image with /etc/unhealthy comes up, and does not work.
[ ! -e /etc/unhealthy ]
