#!/usr/bin/env bash
# Installs what Davit needs on Debian and Ubuntu, and nothing that is there already. Says what it does. With the argument "tests", what the
# tests need besides.
set -euo pipefail

say() { printf '%s\n' "$*"; }
fail() { printf 'Error: %s\n' "$*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "Davit runs Docker hosts on Linux; this is $(uname -s). Use a Linux machine or virtual machine."
[ "$(id -u)" = 0 ] || fail "needs root, to start Docker and to write network rules. Run it again with sudo."
command -v node >/dev/null || fail "needs Node.js 20.19 or newer: https://nodejs.org/"
node -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a===20&&b>=19)?0:1)' ||
  fail "needs Node.js 20.19 or newer, found $(node --version)."

missing=()
want() { command -v "$1" >/dev/null || [ -x "${3:-/nonexistent}" ] || missing+=("$2"); }
want dockerd docker.io
want docker docker.io
want etcd etcd-server
want iptables iptables
want ip iproute2
want conntrack conntrack
want nsenter util-linux
want busybox busybox-static /bin/busybox
want openssl openssl
if [ "${1:-}" = tests ]; then
  want sshd openssh-server /usr/sbin/sshd
  want ssh openssh-client
  want sudo sudo
  want docker-compose docker-compose
  want etcdctl etcd-client
  want faketime faketime
  want docker-registry docker-registry
fi
# The demo image is made of busybox alone, so it has to be the static one.
if command -v busybox >/dev/null && command -v ldd >/dev/null && ldd "$(command -v busybox)" >/dev/null 2>&1; then missing+=(busybox-static); fi

if [ "${#missing[@]}" -gt 0 ]; then
  packages=$(printf '%s\n' "${missing[@]}" | sort -u | paste -sd' ')
  command -v apt-get >/dev/null || fail "these are missing and this is not Debian or Ubuntu: $packages. Install them and run it again."
  say "Installing $packages (apt-get) …"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  { apt-get update && apt-get install -y --no-install-recommends $packages; } >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; fail "apt-get could not install $packages; the whole log is $log"; }
  rm -f "$log"
fi
export PATH="$PATH:/usr/sbin:/sbin"

cd "$(dirname "$0")/.."
if [ ! -d node_modules ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  say "Installing npm packages …"
  log=$(mktemp)
  # Not "npm ci": it fails where a registry lacks the packages of other platforms, which this machine does not need.
  npm install --no-save --no-audit --no-fund >"$log" 2>&1 || { tail -n 15 "$log" >&2; fail "npm install failed; the whole log is $log"; }
  rm -f "$log"
fi
if [ -z "${DAVIT_NO_BUILD:-}" ]; then
  npx --no-install tsc -b || fail "the build failed"
fi
