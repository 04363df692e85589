import type { Readable, Writable } from 'node:stream'
import { type Clock, formatTime, lifeOf, systemClock, warningTime } from '@davit/api'
import { type ConnectionFlags, type LoadedKubeconfig, loadKubeconfig, resolveConnection } from '../kubeconfig/index.ts'
import { openSession, type Session } from '../session/index.ts'

/** Flags that every command takes. */
export interface GlobalFlags extends ConnectionFlags {
  kubeconfig?: string
  namespace?: string
  verbosity?: string
}

export type Input = Readable & { isTTY?: boolean; setRawMode?: (mode: boolean) => unknown }
export type Output = Writable & { isTTY?: boolean; columns?: number; rows?: number }

/** What a command works with: the terminal, the time, and the cluster. */
export interface Cli {
  readonly stdin: Input
  readonly stdout: Output
  readonly stderr: Output
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  /** What followed `--` on the command line; undefined when there was none. */
  readonly afterDashes: readonly string[] | undefined
  readonly flags: GlobalFlags
  /** Writes to stdout as is. */
  print(text: string): void
  /** Writes to stderr as is. */
  warn(text: string): void
  kubeconfig(): Promise<LoadedKubeconfig>
  /** The cluster the flags and the kubeconfig name; opened once and closed by `main`. */
  session(): Promise<Session>
}

export interface CliOptions {
  stdin: Input
  stdout: Output
  stderr: Output
  env: Readonly<Record<string, string | undefined>>
  clock?: Clock
  afterDashes?: readonly string[] | undefined
  /** Read when a command first needs them. */
  flags: () => GlobalFlags
}

/** A `Cli`, and what closes its session. */
export function createCli(options: CliOptions): { cli: Cli; opened: () => Session | undefined } {
  const { stdin, stdout, stderr, env, clock = systemClock, afterDashes } = options
  let session: Promise<Session> | undefined
  let opened: Session | undefined
  let kubeconfig: Promise<LoadedKubeconfig> | undefined
  const cli: Cli = {
    stdin,
    stdout,
    stderr,
    env,
    clock,
    afterDashes,
    get flags() {
      return options.flags()
    },
    print: text => void stdout.write(text),
    warn: text => void stderr.write(text),
    kubeconfig() {
      kubeconfig ??= loadKubeconfig(options.flags().kubeconfig, env)
      return kubeconfig
    },
    session() {
      session ??= (async () => {
        const flags = options.flags()
        const connection = await resolveConnection(await cli.kubeconfig(), flags)
        const ending = endingSoon(connection.certificate, clock.now())
        if (ending) cli.warn(ending)
        const traces = Number.parseInt(flags.verbosity ?? '0', 10) >= 6
        opened = openSession(connection, {
          ...(flags.namespace && { namespace: flags.namespace }),
          onWarning: text => cli.warn(`Warning: ${text}\n`),
          ...(traces && { trace: line => cli.warn(`${line}\n`) }),
        })
        return opened
      })()
      return session
    },
  }
  return { cli, opened: () => opened }
}

/** A kubeconfig is the one place where nothing renews a certificate by itself. */
function endingSoon(certificate: string | undefined, now: number): string | undefined {
  if (!certificate?.includes('-----BEGIN CERTIFICATE-----') || now < warningTime(certificate)) return undefined
  const { to } = lifeOf(certificate)
  const what = `Warning: the certificate in this kubeconfig ${to > now ? 'ends' : 'ended'} at ${formatTime(to)}`
  return to > now
    ? `${what}; renew it with "davit certs renew"\n`
    : `${what}; take admin.kubeconfig from a control plane's data directory\n`
}
