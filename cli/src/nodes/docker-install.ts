/** How Docker comes onto a machine: from its distribution's own packages. Pure. */

const DAEMON_JSON = '/etc/docker/daemon.json'

const PACKAGES: Readonly<Record<string, string>> = {
  'apt-get':
    'export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold docker.io iptables iproute2 ca-certificates',
  dnf: 'dnf -q install -y iptables iproute && { dnf -q install -y moby-engine || dnf -q install -y docker || dnf -q install -y docker-ce; }',
  yum: 'yum -q install -y docker iptables iproute',
  zypper: 'zypper -q --non-interactive install docker iptables iproute2',
  apk: 'apk add -q docker iptables iproute2',
}

/** A script for root. What runs in containers outlives restarts of the Docker it installs (live-restore); a daemon.json that is there stays as it is. */
export function dockerInstallScript(packageManager: string): string {
  return `set -e
if [ ! -e ${DAEMON_JSON} ]; then
  mkdir -p /etc/docker
  printf '%s\\n' '{ "live-restore": true }' >${DAEMON_JSON}
fi
${PACKAGES[packageManager] ?? 'false'}
if [ -d /run/systemd/system ]; then systemctl enable --quiet --now docker
elif command -v rc-update >/dev/null 2>&1; then rc-update -q add docker default; rc-service -q docker start
else
  [ ! -x /usr/sbin/update-rc.d ] || update-rc.d docker defaults >/dev/null
  docker info >/dev/null 2>&1 || service docker start
fi
tries=0
until docker info >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ $tries -lt 60 ] || { echo 'Docker was installed but does not answer; see its log' >&2; exit 1; }
  sleep 0.5 2>/dev/null || sleep 1
done`
}
