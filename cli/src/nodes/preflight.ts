/** Whether a machine can be a node: rules in a list, each able to say why not and what to do. Pure. */
import { type HostFacts, SPACE_MB } from './facts.ts'
import { PROGRAMS, packagesOf } from './packages.ts'

/** What the machine is to become. */
export interface Wanted {
  readonly nodeName: string
  /** Executables there are, by uname's word for the processor. */
  readonly architectures: readonly string[]
  readonly servers: readonly string[]
  readonly clusterId: string
  readonly podCidr: string
  readonly serviceCidr: string
  /** How many seconds the API's clock is ahead of this machine's, and the host's ahead of this machine's. */
  readonly apiClockAhead: number
  readonly hostClockAhead: number
  /** A Node of this name that lives: its agent reports. */
  readonly isNameAlive: boolean
  /** Docker and programs that are missing are installed. */
  readonly installs: boolean
}

export interface Finding {
  /** Of the rule; `--skip-preflight` takes it. */
  readonly check: string
  readonly message: string
  readonly isFatal: boolean
}

type Rule = (facts: HostFacts, wanted: Wanted) => (Omit<Finding, 'check'> | undefined)[]

const DOCKER_MIN = [20, 10] as const
const SKEW_S = { warn: 5, refuse: 60 }
/** Distributions whose packages have Docker under a name we know. */
const fatal = (message: string) => ({ message, isFatal: true })
const warning = (message: string) => ({ message, isFatal: false })

/** In the order a person would want to know. */
export const RULES: Readonly<Record<string, Rule>> = {
  os: ({ system, osName }) => [system !== 'Linux' ? fatal(`It runs ${osName}: nodes need Linux`) : undefined],

  architecture: ({ machine }, { architectures }) => [
    architectures.includes(machine)
      ? undefined
      : fatal(`Its processor is ${machine || 'unknown'}: there is an agent for ${architectures.join(' and ')}; choose another machine`),
  ],

  init: ({ hasInit }) => [
    hasInit ? undefined : fatal('It has neither systemd, OpenRC, update-rc.d nor cron to start the agent at boot: install cron'),
  ],

  membership: ({ identity }, { clusterId, nodeName }) => {
    if (!identity) return []
    if (identity.clusterId !== clusterId) {
      return [
        fatal(
          `It is node "${identity.nodeName}" of another cluster (${identity.clusterId}): take it out there with "davit node remove ${identity.nodeName}", or run "davit-node-agent uninstall" on it`,
        ),
      ]
    }
    return [
      identity.nodeName === nodeName
        ? undefined
        : fatal(
            `It is node "${identity.nodeName}" already, wanted "${nodeName}": leave --name out, or take it out first with "davit node remove ${identity.nodeName}"`,
          ),
    ]
  },

  name: ({ identity }, { nodeName, isNameAlive }) => [
    !identity && isNameAlive
      ? fatal(`There is a node "${nodeName}" that lives, on another machine: give this one another name with --name`)
      : undefined,
  ],

  clock: (_facts, { apiClockAhead, hostClockAhead }) => {
    const skew = hostClockAhead - apiClockAhead
    if (Math.abs(skew) <= SKEW_S.warn) return []
    const culprit =
      Math.abs(hostClockAhead) < Math.abs(apiClockAhead) ? "; this machine's clock agrees with it, so look at the control plane's too" : ''
    const message = `Its clock is ${describeSeconds(Math.abs(skew))} ${skew > 0 ? 'ahead of' : 'behind'} the API's${culprit}: set it, best by NTP (chrony or systemd-timesyncd)`
    return [Math.abs(skew) > SKEW_S.refuse ? fatal(message) : warning(message)]
  },

  kernel: ({ missing, dockerVersion }) => {
    // What Docker's packages bring along is no hindrance before they are installed.
    const own = missing.filter(what => dockerVersion !== '' || !/iptables|overlay|bridge|veth/.test(what))
    return [own.length > 0 ? fatal(`It lacks ${own.join(', ')}: install or enable that`) : undefined]
  },

  programs: ({ missingPrograms, packageManager }, { installs }) => {
    if (installs && packageManager) return []
    const isUseful = (name: string) => PROGRAMS[name]?.loses !== undefined
    const say = (programs: readonly string[]) => {
      const remedy = packageManager && ', or give --install-docker, which installs that too'
      return `It lacks ${programs.map(nameOf).join(', ')}: install ${packagesOf(programs, packageManager).join(' ')}${remedy}`
    }
    const [required, useful] = [missingPrograms.filter(name => !isUseful(name)), missingPrograms.filter(isUseful)]
    const lost = new Set(useful.map(name => PROGRAMS[name]?.loses))
    return [
      required.length > 0 ? fatal(say(required)) : undefined,
      useful.length > 0 ? warning(`${say(useful)}. Without, ${[...lost].join('; ')}`) : undefined,
    ]
  },

  space: ({ freeKb }) =>
    Object.entries(SPACE_MB).map(([dir, wantedMb]) => {
      const free = freeKb[dir]
      if (free === undefined || !(free < wantedMb * 1024)) return undefined
      return fatal(
        `There are ${Math.floor(free / 1024)} MB free for ${dir === 'docker' ? "Docker's data" : dir}, wanted ${wantedMb} MB: make room`,
      )
    }),

  docker: ({ dockerVersion, isDockerUp, hasLiveRestore, packageManager, osName }, { installs }) => {
    if (dockerVersion === '') {
      if (!packageManager)
        return [fatal(`It has no Docker, and ${osName} no package manager we know: install Docker ${DOCKER_MIN.join('.')} or later`)]
      return [installs ? undefined : fatal(`It has no Docker: give --install-docker, or install Docker ${DOCKER_MIN.join('.')} or later`)]
    }
    const [major = 0, minor = 0] = dockerVersion.split('.').map(Number)
    if (major < DOCKER_MIN[0] || (major === DOCKER_MIN[0] && minor < DOCKER_MIN[1]))
      return [fatal(`Its Docker is ${dockerVersion}, wanted ${DOCKER_MIN.join('.')} or later: upgrade it`)]
    if (!isDockerUp)
      return [
        fatal(
          'Its Docker does not run: start it ("systemctl enable --now docker" or "service docker start"), and see to it that it starts at boot',
        ),
      ]
    return [
      hasLiveRestore
        ? undefined
        : warning(
            'Its Docker runs without live-restore, so that a restart of Docker restarts every container: set "live-restore": true in /etc/docker/daemon.json and reload Docker',
          ),
    ]
  },

  reach: ({ reach }, { servers }) => {
    const failed = servers.filter(server => (reach[server] ?? 'ok') !== 'ok')
    if (failed.length === 0) return []
    const said = failed.map(server => `${server} (${reach[server]})`).join(', ')
    if (failed.length === servers.length)
      return [fatal(`It does not reach the API at ${said}: open the way from there, or correct the address with --api-server`)]
    return [warning(`It does not reach every replica of the API: ${said}`)]
  },

  subnets: ({ routes, addresses, identity }, { podCidr, serviceCidr, clusterId }) => {
    // A member's own routes are in the pods' range, and right.
    if (identity?.clusterId === clusterId) return []
    const ranges = [
      ['pods', podCidr],
      ['services', serviceCidr],
    ] as const
    return ranges.flatMap(([what, range]) => {
      const inside = routes.find(({ to }) => to !== 'default' && overlaps(to, range) && prefixOf(to) >= prefixOf(range))
      const address = addresses.find(own => overlaps(`${own.split('/')[0]}/32`, range))
      const around = routes.find(({ to }) => to !== 'default' && overlaps(to, range) && prefixOf(to) < prefixOf(range) && prefixOf(to) > 0)
      if (inside || address) {
        const found = inside ? `its route ${inside.to} (${inside.device})` : `its address ${address}`
        return [
          fatal(
            `${found} lies in the range of the cluster's ${what}, ${range}: take that network away, or make the cluster with another range`,
          ),
        ]
      }
      return [
        around &&
          warning(
            `Its route ${around.to} (${around.device}) covers the range of the cluster's ${what}, ${range}: machines there cannot be reached from pods`,
          ),
      ]
    })
  },
}

/** Everything found, what keeps the machine out first. Rules named in `skipped` only warn. */
export function preflight(facts: HostFacts, wanted: Wanted, skipped: readonly string[] = []): Finding[] {
  const findings = Object.entries(RULES).flatMap(([check, rule]) =>
    rule(facts, wanted).flatMap(finding =>
      finding ? [{ check, message: finding.message, isFatal: finding.isFatal && !skipped.includes(check) }] : [],
    ),
  )
  return findings.toSorted((a, b) => Number(b.isFatal) - Number(a.isFatal))
}

function nameOf(program: string): string {
  const instead = PROGRAMS[program]?.instead
  return instead ? `${program} or ${instead}` : program
}

function describeSeconds(seconds: number): string {
  const whole = Math.round(seconds)
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`
}

function prefixOf(cidr: string): number {
  return Number(cidr.split('/')[1] ?? 32)
}

function overlaps(one: string, other: string): boolean {
  const bits = Math.min(prefixOf(one), prefixOf(other))
  const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0
  const [a, b] = [numberOf(one), numberOf(other)]
  return a !== undefined && b !== undefined && (a & mask) >>> 0 === (b & mask) >>> 0
}

/** Undefined for what is no IPv4 address. */
function numberOf(cidr: string): number | undefined {
  const parts = (cidr.split('/')[0] ?? '').split('.').map(Number)
  if (parts.length !== 4 || parts.some(part => !(part >= 0 && part <= 255))) return undefined
  return parts.reduce((sum, part) => sum * 256 + part, 0)
}
