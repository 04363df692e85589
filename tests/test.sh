#!/usr/bin/env bash
# `npm test`: sets up what it needs, then types, lint, and every test from pure functions to whole clusters on real Docker hosts.
# `bash tests/test.sh fast` (or docker, or system) runs only that part; `long` what takes
# minutes more and is not a part of the whole.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"
bash deploy/install.sh tests
npm run --silent lint
node tests/dist/run.js "${1:-all}"
