/** What the SSH configuration says of a host. */
import { readdir, readFile } from 'node:fs/promises'
import { homedir, userInfo } from 'node:os'
import { basename, dirname, isAbsolute, join } from 'node:path'
import SSHConfig from 'ssh-config'
import { SshError } from './errors.ts'
import type { SshTarget } from './target.ts'

export interface SshSettings {
  /** As the user wrote it; what the configuration and `known_hosts` aliases go by. */
  readonly host: string
  /** Where to connect to. */
  readonly hostName: string
  readonly port: number
  readonly user: string
  /** Absolute paths, in the order to try. */
  readonly identityFiles: readonly string[]
  /** Whether the configuration or a flag named them; else they are the usual places, where there need be none. */
  readonly areIdentitiesNamed: boolean
  readonly identitiesOnly: boolean
  /** Socket of an agent; undefined: none. */
  readonly agent: string | undefined
  /** Hosts to go through, in order, as parseTarget() reads them. */
  readonly jumps: readonly string[]
  readonly proxyCommand: string | undefined
  /** The first one is written to. */
  readonly knownHostsFiles: readonly string[]
  /** Name under which the host's key is kept instead of its own. */
  readonly hostKeyAlias: string | undefined
  readonly strictHostKeyChecking: 'yes' | 'ask' | 'accept-new'
  readonly hashKnownHosts: boolean
  readonly connectTimeoutMs: number
}

export interface SettingsOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Instead of `~/.ssh/config` and `/etc/ssh/ssh_config`. */
  readonly configFile?: string
  /** Above what the configuration names. */
  readonly identityFile?: string
  readonly jump?: string
}

const CONNECT_MS_MAX = 15_000
const INCLUDE_DEPTH_MAX = 16
const USUAL_KEYS = ['id_ed25519', 'id_ecdsa', 'id_rsa']

/** The configuration files' text, the user's first: what is said first counts. */
export async function readSshConfig({ env, configFile }: Pick<SettingsOptions, 'env' | 'configFile'>): Promise<string> {
  const home = homeOf(env)
  if (configFile) return expandIncludes(await readFile(configFile, 'utf8'), { dir: dirname(configFile), home })
  const own = join(home, '.ssh')
  const texts = [join(own, 'config'), '/etc/ssh/ssh_config'].map(async path => {
    const text = await readFile(path, 'utf8').catch(() => '')
    return expandIncludes(text, { dir: dirname(path), home })
  })
  // A section lasts until the next: what follows one in another file is its own again.
  return (await Promise.all(texts)).join('\nHost *\n')
}

/** What holds for `target`: what it says itself, flags, then the configuration, then OpenSSH's defaults. Throws SshError. */
export function settingsFor(target: SshTarget, configText: string, { env, identityFile, jump }: SettingsOptions): SshSettings {
  const home = homeOf(env)
  const values = computed(target, configText)
  const one = (name: string) => [values[name]].flat()[0]
  const hostName = (one('hostname') ?? target.host).replaceAll('%h', target.host).replaceAll('%%', '%')
  const user = target.user ?? one('user') ?? userInfo().username
  const port = target.port ?? Number(one('port') ?? 22)
  const words = (name: string) => [values[name] ?? []].flat()
  const tokens: Record<string, string> = {
    '%': '%',
    d: home,
    h: hostName,
    n: target.host,
    p: String(port),
    r: user,
    u: userInfo().username,
  }
  const expand = (text: string) => text.replace(/%([%dhnpru])/g, (_, letter: string) => tokens[letter] ?? '')
  const path = (text: string) => expand(text.replace(/^~(?=\/|$)/, home))

  const named = [
    ...(identityFile ? [identityFile] : []),
    ...words('identityfile')
      .filter(file => file !== 'none')
      .map(path),
  ]
  const agent = one('identityagent')
  const proxyCommand = one('proxycommand')
  const jumps = jump ?? one('proxyjump')
  return {
    host: target.host,
    hostName,
    port,
    user,
    identityFiles: named.length > 0 ? named : USUAL_KEYS.map(name => join(home, '.ssh', name)),
    areIdentitiesNamed: named.length > 0,
    identitiesOnly: one('identitiesonly') === 'yes',
    agent: agent === 'none' ? undefined : agent && agent !== 'SSH_AUTH_SOCK' ? path(agent) : env.SSH_AUTH_SOCK,
    jumps: jumps === undefined || jumps === 'none' ? [] : jumps.split(',').map(part => part.trim()),
    proxyCommand: jumps || !proxyCommand || proxyCommand === 'none' ? undefined : expand(proxyCommand),
    knownHostsFiles: knownHostsFiles(words('userknownhostsfile'), words('globalknownhostsfile'), path),
    hostKeyAlias: one('hostkeyalias'),
    strictHostKeyChecking: strictness(one('stricthostkeychecking')),
    hashKnownHosts: one('hashknownhosts') === 'yes',
    connectTimeoutMs: one('connecttimeout') ? Number(one('connecttimeout')) * 1000 || CONNECT_MS_MAX : CONNECT_MS_MAX,
  }
}

function computed({ host, user }: SshTarget, configText: string): Record<string, string | string[] | undefined> {
  try {
    const values = SSHConfig.parse(configText).compute({ Host: host, ...(user !== undefined && { User: user }) }, { ignoreCase: true })
    // Those of compute() that may be repeated are gathered under their own spelling.
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name.toLowerCase(), value]))
  } catch (err) {
    throw new SshError('target', `Cannot read the SSH configuration for "${host}": ${(err as Error).message}; correct ~/.ssh/config`, {
      cause: err,
    })
  }
}

/** Files are separated by blanks, within one value or as several. */
function knownHostsFiles(own: readonly string[], global: readonly string[], path: (text: string) => string): string[] {
  const split = (values: readonly string[]) => values.flatMap(value => value.split(/\s+/)).filter(file => file !== '' && file !== 'none')
  const [mine, shared] = [split(own), split(global)]
  return [
    ...(mine.length > 0 ? mine : ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']),
    ...(shared.length > 0 ? shared : ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2']),
  ].map(path)
}

/** `no` and `off` accept new keys too, but a changed one is refused here whatever is set: passwords would go to whoever stands there. */
function strictness(value: string | undefined): SshSettings['strictHostKeyChecking'] {
  if (value === 'yes') return 'yes'
  return value === 'accept-new' || value === 'no' || value === 'off' ? 'accept-new' : 'ask'
}

/** ssh-config reads one text; what it includes is put in its place. */
async function expandIncludes(text: string, where: { dir: string; home: string }, depth = 0): Promise<string> {
  if (depth > INCLUDE_DEPTH_MAX || !/^\s*include\s/im.test(text)) return text
  const lines = text.split('\n').map(async line => {
    const [, list] = /^\s*include\s+(.*)$/i.exec(line) ?? []
    if (list === undefined) return line
    const files = (
      await Promise.all(
        list
          .trim()
          .split(/\s+/)
          .map(file => filesOf(file.replace(/^"|"$/g, ''), where)),
      )
    ).flat()
    const texts = files.map(async file => expandIncludes(await readFile(file, 'utf8').catch(() => ''), where, depth + 1))
    return (await Promise.all(texts)).join('\n')
  })
  return (await Promise.all(lines)).join('\n')
}

/** Wildcards stand for parts of a file's own name, as in `config.d/*`. */
async function filesOf(pattern: string, { dir, home }: { dir: string; home: string }): Promise<string[]> {
  const expanded = pattern.replace(/^~(?=\/)/, home)
  const path = isAbsolute(expanded) ? expanded : join(dir, expanded)
  if (!/[*?]/.test(path)) return [path]
  const name = new RegExp(
    `^${basename(path)
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '[^.].*')
      .replaceAll('?', '.')}$`,
  )
  const entries = await readdir(dirname(path)).catch(() => [])
  return entries
    .filter(entry => name.test(entry))
    .sort()
    .map(entry => join(dirname(path), entry))
}

function homeOf(env: SettingsOptions['env']): string {
  return env.HOME ?? homedir()
}
