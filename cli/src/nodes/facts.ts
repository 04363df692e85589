/** What a machine says of itself before anything is done to it. */
import { shellQuote } from '../ssh/index.ts'
import { PROGRAMS } from './packages.ts'

export interface Route {
  /** `10.0.0.0/8`, or `default`. */
  readonly to: string
  readonly device: string
}

export interface HostFacts {
  readonly hostname: string
  /** `Linux` */
  readonly system: string
  /** As uname has it: `x86_64`. */
  readonly machine: string
  /** Of /etc/os-release; empty when there is none. */
  readonly osId: string
  readonly osName: string
  readonly packageManager: string
  readonly hasInit: boolean
  /** Seconds since the epoch, at the middle of the time the question took. */
  readonly clock: number
  /** Kilobytes free where each folder is or would be. */
  readonly freeKb: Readonly<Record<string, number>>
  /** What of the kernel is missing. */
  readonly missing: readonly string[]
  /** Names out of PROGRAMS. */
  readonly missingPrograms: readonly string[]
  /** Docker's version; empty when there is none. `isDockerUp`: it answers. */
  readonly dockerVersion: string
  readonly isDockerUp: boolean
  readonly hasLiveRestore: boolean
  readonly hasDaemonJson: boolean
  readonly routes: readonly Route[]
  readonly addresses: readonly string[]
  /** For each API server, `ok` or what the attempt said. */
  readonly reach: Readonly<Record<string, string>>
  /** Of an agent that is or was here. */
  readonly identity: HostIdentity | undefined
  readonly agentSha256: string
  readonly config: string
  readonly isAgentRunning: boolean
}

/** Of an agent's identity, what may be seen. */
export interface HostIdentity {
  readonly nodeName: string
  readonly clusterId: string
  /** PEM. */
  readonly certificate: string
  readonly certificateAuthority: string
}

/** What needs space, each with how many megabytes. `docker` stands for wherever Docker keeps its data. */
export const SPACE_MB: Readonly<Record<string, number>> = { '/usr/local/bin': 300, '/var/lib/davit': 200, docker: 1024 }

/** Asks for the facts; run by root with sh. Prints `key<tab>value` lines; nothing is changed. */
export function factsScript(servers: readonly string[]): string {
  const places = servers.map(server => {
    const { hostname, port } = new URL(server)
    return { server, host: hostname.replace(/^\[|\]$/g, ''), port: port || '443' }
  })
  return `LC_ALL=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
say() { printf '%s\\t%s\\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
say clock "$(date +%s)"
say hostname "$(hostname 2>/dev/null || cat /proc/sys/kernel/hostname)"
say system "$(uname -s)"
say machine "$(uname -m)"
if [ -r /etc/os-release ]; then . /etc/os-release; say osId "$ID"; say osName "$PRETTY_NAME"; fi
for pm in apt-get dnf yum zypper apk; do has $pm && { say packageManager $pm; break; }; done
for init in systemctl openrc-run update-rc.d chkconfig crontab; do has $init && { say init $init; break; }; done
free() {
  dir=$1
  while [ ! -d "$dir" ]; do dir=$(dirname "$dir"); done
  say "free $2" "$(df -Pk "$dir" | awk 'NR==2 {print $4}')"
}
free /usr/local/bin /usr/local/bin
free /var/lib/davit /var/lib/davit
[ -d /proc/self ] || say missing /proc
grep -qw overlay /proc/filesystems || modprobe -q overlay || say missing 'the overlay file system'
[ -e /sys/module/bridge ] || modprobe -q bridge || say missing 'bridges (bridge)'
[ -e /sys/module/veth ] || modprobe -q veth || ! has ip || ip link help 2>&1 | grep -qw veth || say missing 'virtual links (veth)'
[ -e /proc/sys/net/bridge ] || modprobe -q br_netfilter || say missing 'filtering on bridges (br_netfilter)'
grep -qs . /proc/self/cgroup || say missing 'control groups'
iptables -t nat -S >/dev/null 2>&1 || { has iptables && say missing 'iptables in the kernel (nf_tables or ip_tables)'; }
${Object.entries(PROGRAMS)
  .map(([name, { instead }]) => `has ${name} || ${instead ? `has ${instead} || ` : ''}say missingProgram ${name}`)
  .join('\n')}
if has docker; then say docker "$(docker version --format '{{.Client.Version}}' 2>/dev/null | head -n 1)"; elif has dockerd; then say docker "$(dockerd --version | awk '{print $3}' | tr -d ,)"; fi
if has docker && info=$(docker info --format '{{.ServerVersion}} {{.LiveRestoreEnabled}} {{.DockerRootDir}}' 2>/dev/null); then
  set -- $info
  say docker "$1"
  say dockerUp yes
  say liveRestore "$2"
  free "$3" docker
elif has curl && curl -fsS --max-time 5 --unix-socket /var/run/docker.sock http://d/_ping >/dev/null 2>&1; then
  say dockerUp yes
  say docker "$(curl -fsS --max-time 5 --unix-socket /var/run/docker.sock http://d/version | sed 's/.*"Version":"\\([0-9.]*\\)".*/\\1/')"
  free /var/lib/docker docker
else
  free /var/lib/docker docker
fi
[ ! -e /etc/docker/daemon.json ] || say daemonJson yes
ip -4 route 2>/dev/null | while read -r to rest; do case $to in unreachable|blackhole|prohibit) continue;; esac
  say route "$to $(printf '%s\\n' "$rest" | sed -n 's/.*dev \\([^ ]*\\).*/\\1/p')"; done
ip -4 -o addr 2>/dev/null | awk '{print $4}' | while read -r address; do say address "$address"; done
[ ! -r /var/lib/davit/node/identity/identity.json ] || say identity "$(tr -d '\\n' </var/lib/davit/node/identity/identity.json | sed 's/"key": *"[^"]*"/"key":""/')"
[ ! -r /usr/local/bin/davit-node-agent ] || say agentSha256 "$(sha256sum /usr/local/bin/davit-node-agent | cut -d ' ' -f 1)"
[ ! -r /etc/davit/node-agent.yaml ] || say config "$(base64 </etc/davit/node-agent.yaml | tr -d '\\n')"
if [ -x /usr/local/bin/davit-node-agent ] && { [ ! -d /run/systemd/system ] || systemctl is-active -q davit-node-agent; } && { [ -d /run/systemd/system ] || /etc/init.d/davit-node-agent status >/dev/null 2>&1; }; then say agentRunning yes; fi
reach() {
  if has curl; then said=$(curl -ksS --noproxy '*' -o /dev/null --connect-timeout 5 --max-time 8 "$1/readyz" 2>&1) && said=ok
  elif has bash; then said=$(timeout 5 bash -c "exec 3<>/dev/tcp/$2/$3" 2>&1) && said=ok || said=\${said:-no answer within 5 s}
  elif has nc; then said=$(nc -z -w 5 "$2" "$3" 2>&1) && said=ok || said=\${said:-no answer}
  elif has wget; then said=$(wget -q -T 5 -t 1 --no-check-certificate -O /dev/null "$1/readyz" 2>&1) && said=ok
  else said=ok; fi
  say "reach $1" "$(printf '%s' "$said" | tail -n 1)"
}
${places.map(({ server, host, port }) => `reach ${shellQuote(server)} ${shellQuote(host)} ${port} &`).join('\n')}
wait
`
}

/** Reads what the script printed. `askedMs` is this machine's time around the question, so that the way there does not count as skew. */
export function parseFacts(output: string): HostFacts {
  const lines = output.split('\n').flatMap(line => {
    const at = line.indexOf('\t')
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
  })
  const all = (key: string) => lines.filter(([name]) => name === key).map(([, value]) => value)
  // What was asked later knows more: Docker's server rather than its client.
  const one = (key: string) => all(key).at(-1) ?? ''
  const under = (prefix: string) =>
    lines.filter(([name]) => name.startsWith(`${prefix} `)).map(([name, value]) => [name.slice(prefix.length + 1), value] as const)
  return {
    hostname: one('hostname').toLowerCase(),
    system: one('system'),
    machine: one('machine'),
    osId: one('osId'),
    osName: one('osName') || one('system'),
    packageManager: one('packageManager'),
    hasInit: one('init') !== '',
    clock: Number(one('clock')),
    freeKb: Object.fromEntries(under('free').map(([dir, kb]) => [dir, Number(kb)])),
    missing: all('missing'),
    missingPrograms: all('missingProgram'),
    dockerVersion: one('docker'),
    isDockerUp: one('dockerUp') === 'yes',
    hasLiveRestore: one('liveRestore') === 'true',
    hasDaemonJson: one('daemonJson') === 'yes',
    routes: all('route').map(route => {
      const [to = '', device = ''] = route.split(' ')
      return { to, device }
    }),
    addresses: all('address'),
    reach: Object.fromEntries(under('reach')),
    identity: identityOf(one('identity')),
    agentSha256: one('agentSha256'),
    config: Buffer.from(one('config'), 'base64').toString('utf8'),
    isAgentRunning: one('agentRunning') === 'yes',
  }
}

function identityOf(text: string): HostIdentity | undefined {
  try {
    const { nodeName, clusterId, certificate, certificateAuthority } = JSON.parse(text) as Record<string, unknown>
    if (typeof nodeName !== 'string' || typeof clusterId !== 'string') return undefined
    return { nodeName, clusterId, certificate: String(certificate ?? ''), certificateAuthority: String(certificateAuthority ?? '') }
  } catch {
    return undefined
  }
}
