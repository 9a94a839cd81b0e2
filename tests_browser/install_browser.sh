#!/usr/bin/env bash
# Sees to it that there is a browser for `make test-browser`.
set -euo pipefail
for name in chromium google-chrome; do
    if command -v "$name" > /dev/null; then exit 0; fi
done
if [ "$(id -u)" != 0 ] || ! command -v apt-get > /dev/null; then
    echo "test-browser: expected chromium or google-chrome, found neither; install one of them." >&2
    exit 1
fi
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium > /dev/null
