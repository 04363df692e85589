/** The programs an agent runs, and how they and Docker come onto a machine: from its distribution's own packages. Pure. */

export interface Program {
  /** One that does as well. */
  readonly instead?: string
  /** Where the package is called otherwise than the program; `others`: by all package managers but those named. */
  readonly packages?: Readonly<Record<string, string>>
  /** What is lost without it; a program that has none is required. */
  readonly loses?: string
}

const UTIL_LINUX = { packages: { others: 'util-linux' } }
const IPROUTE = { packages: { dnf: 'iproute', yum: 'iproute', others: 'iproute2' } }
const IPTABLES = { packages: { others: 'iptables' } }
const FORGETTING = 'a request may be lost when a pod ends, and UDP may go to removed pods'

/** What an agent, the script that starts it, and `davit node add` itself run on a node, by name. */
export const PROGRAMS: Readonly<Record<string, Program>> = {
  ip: IPROUTE,
  bridge: IPROUTE,
  iptables: IPTABLES,
  'iptables-save': IPTABLES,
  'iptables-restore': IPTABLES,
  mount: { packages: { 'apt-get': 'mount', others: 'util-linux' } },
  umount: { packages: { 'apt-get': 'mount', others: 'util-linux' } },
  nsenter: UTIL_LINUX,
  setsid: UTIL_LINUX,
  gzip: {},
  sha256sum: { packages: { others: 'coreutils' } },
  conntrack: { packages: { 'apt-get': 'conntrack', others: 'conntrack-tools' }, loses: FORGETTING },
  perl: { instead: 'python3', packages: { dnf: 'perl-interpreter', others: 'perl' }, loses: FORGETTING },
}

const DAEMON_JSON = '/etc/docker/daemon.json'

const INSTALL: Readonly<Record<string, string>> = {
  'apt-get':
    'export DEBIAN_FRONTEND=noninteractive; apt-get -q update && apt-get -q install -y --no-install-recommends -o Dpkg::Options::=--force-confold',
  dnf: 'dnf -q install -y',
  yum: 'yum -q install -y',
  zypper: 'zypper -q --non-interactive install',
  apk: 'apk add -q',
}

const DOCKER: Readonly<Record<string, string>> = {
  'apt-get': 'docker.io iptables iproute2 ca-certificates',
  dnf: 'iptables iproute && { dnf -q install -y moby-engine || dnf -q install -y docker || dnf -q install -y docker-ce; }',
  yum: 'docker iptables iproute',
  zypper: 'docker iptables iproute2',
  apk: 'docker iptables iproute2',
}

/** The packages that programs out of PROGRAMS are in, each once. */
export function packagesOf(programs: readonly string[], packageManager: string): string[] {
  return [
    ...new Set(
      programs.map(name => {
        const { packages } = PROGRAMS[name] ?? {}
        return packages?.[packageManager] ?? packages?.others ?? name
      }),
    ),
  ]
}

/** A script for root. */
export function programsInstallScript(programs: readonly string[], packageManager: string): string {
  return `${INSTALL[packageManager] ?? 'false'} ${packagesOf(programs, packageManager).join(' ')}`
}

/** A script for root. What runs in containers outlives restarts of the Docker it installs (live-restore); a daemon.json that is there stays as it is. */
export function dockerInstallScript(packageManager: string): string {
  return `set -e
if [ ! -e ${DAEMON_JSON} ]; then
  mkdir -p /etc/docker
  printf '%s\\n' '{ "live-restore": true }' >${DAEMON_JSON}
fi
${INSTALL[packageManager] ?? 'false'} ${DOCKER[packageManager] ?? ''}
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
