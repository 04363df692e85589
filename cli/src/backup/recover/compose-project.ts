/** A machine's compose project as `davit init` made it: what is in its files, and compose run in its folder. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CommandOptions, type CommandResult, command } from '@davit/deploy'
import { parse } from 'yaml'

/** One etcd member of the project, as its service's command says. */
export interface ComposeMember {
  readonly service: string
  /** Of the compose file; the project's name comes before it in Docker's. */
  readonly volume: string
  readonly name: string
  readonly dataDir: string
  readonly peerUrl: string
  /** `name=peer URL` of all. */
  readonly initialCluster: readonly string[]
  readonly command: readonly string[]
  /** etcdctl with this member's address and certificates. */
  readonly etcdctl: readonly string[]
  /** Client URLs of all members. */
  readonly endpoints: readonly string[]
}

export interface ComposeProject {
  readonly name: string
  readonly controlPlaneImage: string
  readonly members: readonly ComposeMember[]
  readonly controlPlanes: readonly string[]
  compose(args: readonly string[], options?: CommandOptions): Promise<CommandResult>
}

interface ServiceText {
  readonly command?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
}

/** Throws, naming the folder, when it holds no project of ours or there is no compose. */
export async function openComposeProject(dir: string): Promise<ComposeProject> {
  const read = (name: string) =>
    readFile(join(dir, name), 'utf8').catch(cause => {
      throw new Error(
        `"${dir}" holds no ${name}: run this in the folder with the compose.yaml of the machine whose etcd is to be recovered`,
        { cause },
      )
    })
  const { services } = parse(await read('compose.yaml')) as { services: Record<string, ServiceText> }
  const settings = Object.fromEntries([...(await read('.env')).matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, key, value]) => [key, value]))
  const controlPlanes = Object.keys(services).filter(name => /^control-plane(-\d+)?$/.test(name))
  const members = Object.keys(services)
    .filter(name => /^etcd(-\d+)?$/.test(name))
    .map(service => memberOf(service, services))
  if (members.length === 0) throw new Error(`"${join(dir, 'compose.yaml')}" runs no etcd`)
  const [file = '', ...first] = await findCompose()
  return {
    name: settings.COMPOSE_PROJECT_NAME ?? '',
    controlPlaneImage: settings.CONTROL_PLANE_IMAGE ?? '',
    members,
    controlPlanes,
    compose: (args, options) => command(file, [...first, ...args], { timeoutMs: 180_000, ...options, cwd: dir }),
  }
}

function memberOf(service: string, services: Record<string, ServiceText>): ComposeMember {
  const { command: words = [], volumes = [], healthcheck } = services[service] ?? {}
  const flag = (name: string) => flagOf(words, name)
  const suffix = service.slice('etcd'.length)
  const test = healthcheck?.test ?? []
  return {
    service,
    volume: volumes.find(text => text.includes(':/var/lib/etcd'))?.split(':')[0] ?? service,
    name: flag('name'),
    dataDir: flag('data-dir'),
    peerUrl: flag('initial-advertise-peer-urls'),
    initialCluster: flag('initial-cluster').split(','),
    command: words,
    etcdctl: test.slice(1, test.indexOf('endpoint')),
    endpoints: flagOf(services[`control-plane${suffix}`]?.command ?? [], 'etcd').split(','),
  }
}

function flagOf(words: readonly string[], name: string): string {
  const found = words.find(word => word.startsWith(`--${name}=`))
  if (found === undefined) throw new Error(`compose.yaml is not as davit init made it: a service has no --${name}`)
  return found.slice(name.length + 3)
}

/** Compose v2 is a part of docker; 1.29 is a program of its own. */
async function findCompose(): Promise<string[]> {
  for (const words of [['docker', 'compose'], ['docker-compose']]) {
    const [file = '', ...args] = words
    const found = await command(file, [...args, 'version'], { allowFailure: true }).then(
      ({ code }) => code === 0,
      () => false,
    )
    if (found) return words
  }
  throw new Error('Found neither "docker compose" nor "docker-compose" on this machine')
}
