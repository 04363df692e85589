#!/usr/bin/env bash
# `npm run up`: installs what is missing, builds, and starts a cluster on this machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bash "$here/install.sh"
export PATH="$PATH:/usr/sbin:/sbin"
exec node "$here/../cli/dist/main.js" up "$@"
