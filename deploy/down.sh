#!/usr/bin/env bash
# `npm run down`: stops the cluster that `npm run up` started and leaves nothing of it running.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ -f "$here/../cli/dist/main.js" ] || bash "$here/install.sh"
export PATH="$PATH:/usr/sbin:/sbin"
exec node "$here/../cli/dist/main.js" down "$@"
