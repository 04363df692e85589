/** The control plane: reads flags, starts what `--run` names, and ends it in order. */

import { randomUUID } from 'node:crypto'
import { access, constants, mkdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { exit, stderr, stdout } from 'node:process'
import { type Client, type Credentials, connectHttp, DAVIT_VERSION, type Logger, systemClock } from '@davit/api'
import { makeKubeconfig, replaceFile } from '@davit/api/pki'
import { pino } from 'pino'
import type { Tunnels } from './apiserver/tunnel/index.ts'
import { type ControllersOptions, startControllers } from './controllers/index.ts'
import { runWhileLeader } from './leader/index.ts'
import { type ControlPlaneOptions, HELP, parseOptions, UsageError } from './options.ts'
import { followAuthorities, type LivePki, openPki } from './pki/index.ts'
import { type RunningApiServer, runApiServer, StartError } from './run-apiserver.ts'
import { startScheduler } from './scheduler/index.ts'

const EXIT = { failed: 1, usage: 2, port: 3, dataDir: 4, etcd: 5 } as const

/** A start that cannot succeed, in words for the person who started it. */
class Refusal extends Error {
  readonly exitCode: number

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitCode = exitCode
  }
}

async function serve(args: readonly string[]): Promise<void> {
  const options = parseOptions(args, ownAddresses())
  if (options === 'help') return void stdout.write(HELP)
  if (options === 'version') return void stdout.write(`davit control-plane ${DAVIT_VERSION}\n`)
  const log: Logger = pino({ level: options.logLevel, base: null })
  await checkDataDir(options.dataDir)
  if (options.roles.has('apiserver')) await checkPort(options)

  const stop = stopOnSignals(log)
  const pki = await openPki({
    dir: options.pkiDir,
    ...(options.etcdPkiDir && { etcdDir: options.etcdPkiDir }),
    serverNames: [...new Set([options.advertiseAddress, ...ownAddresses(), ...options.tlsSans])],
    lifetimeMs: options.certificateLifetimeMs,
    clock: systemClock,
    log,
  })
  const renewing = pki.run(stop)
  try {
    await run(options, pki, log, stop)
    await renewing
  } catch (err) {
    // Asked to stop while it still started: what broke off is no failure.
    if (!stop.aborted) throw err
    log.info({}, 'Stopped')
  }
}

async function run(options: ControlPlaneOptions, pki: LivePki, log: Logger, stop: AbortSignal): Promise<void> {
  const { roles } = options
  const serving = new AbortController()
  stop.addEventListener('abort', () => {
    // Until it serves there is nothing to end in order.
    if (!running) serving.abort(stop.reason)
  })
  let running: RunningApiServer | undefined
  if (roles.has('apiserver')) {
    running = await runApiServer({ options, pki, clock: systemClock, log, signal: serving.signal })
    const { port } = running.server
    await writeAdminKubeconfig(options, pki, port)
    pki.onChange(() => {
      writeAdminKubeconfig(options, pki, port).catch((err: unknown) => log.error({ err }, 'Cannot write admin.kubeconfig'))
    })
    log.info({ port, kubeconfig: join(options.dataDir, 'admin.kubeconfig') }, 'The API is served')
  }
  const remote = running
    ? undefined
    : connectHttp({
        servers: [...options.servers],
        ...controllersCredentials(pki),
        userAgent: `davit-control-plane/${DAVIT_VERSION}`,
      })
  if (remote) {
    pki.onChange(() => remote.renew(controllersCredentials(pki)))
    followAuthorities({ client: remote, pki, clock: systemClock, log, signal: stop })
  }
  const client: Client = running?.client ?? remote!
  const work = runLeaders(options, {
    client,
    authorities: { bundle: () => pki.ca.bundle, onChange: listener => pki.onChange(listener) },
    certificateAuthority: () => pki.ca,
    log,
    signal: stop,
    ...(running && { tunnels: running.tunnels, keepUp: running.keepUp, clientForTerm: running.clientForTerm }),
  })
  await aborted(stop)

  running?.beginShutdown()
  await work
  await running?.close()
  serving.abort()
  await remote?.close()
  log.info({}, 'Stopped')
}

function controllersCredentials({ ca, controllers }: LivePki): Credentials {
  return { certificateAuthority: ca.bundle, ...controllers }
}

interface LeaderParts {
  readonly client: Client
  /** Where storage is at hand: a client that stops writing when another leads. */
  readonly clientForTerm?: RunningApiServer['clientForTerm']
  readonly authorities: ControllersOptions['authorities'] & {}
  readonly certificateAuthority: ControllersOptions['certificateAuthority'] & {}
  readonly log: Logger
  readonly signal: AbortSignal
  readonly tunnels?: Tunnels
  readonly keepUp?: RunningApiServer['keepUp']
}

/** Settles once the signal aborted and the Leases are released. */
async function runLeaders(
  { roles, name, etcd }: ControlPlaneOptions,
  { client, clientForTerm, authorities, certificateAuthority, log, signal, tunnels, keepUp }: LeaderParts,
): Promise<void> {
  const identity = `${name}_${randomUUID()}`
  const clientOf = async (lease: string, term: AbortSignal) => (await clientForTerm?.(lease, identity, term)) ?? client
  const isAlone = roles.has('apiserver') && etcd === 'embedded'
  const common = { client, identity, isAlone, clock: systemClock, log, signal }
  const work: Promise<void>[] = []
  if (roles.has('controllers')) {
    work.push(
      runWhileLeader({ ...common, name: 'davit-controllers' }, async term => {
        const termClient = await clientOf('davit-controllers', term)
        const controllers = startControllers({
          client: termClient,
          clock: systemClock,
          log,
          signal: term,
          authorities,
          certificateAuthority,
          ...(tunnels && { tunnels }),
        })
        await Promise.all([controllers, keepUp?.(termClient, identity, term)])
      }),
    )
  } else if (keepUp) {
    // The controllers run where no storage is at hand.
    work.push(
      runWhileLeader({ ...common, name: 'davit-upkeep' }, async term => keepUp(await clientOf('davit-upkeep', term), identity, term)),
    )
  }
  if (roles.has('scheduler')) {
    work.push(
      runWhileLeader({ ...common, name: 'davit-scheduler' }, async term =>
        startScheduler({ client: await clientOf('davit-scheduler', term), clock: systemClock, log, signal: term }),
      ),
    )
  }
  await Promise.all(work)
}

async function writeAdminKubeconfig({ dataDir, bindAddress }: ControlPlaneOptions, { ca, admin }: LivePki, port: number): Promise<void> {
  const host = bindAddress === '0.0.0.0' || bindAddress === '::' ? '127.0.0.1' : bindAddress
  const text = makeKubeconfig({ server: `https://${host}:${port}`, ca: ca.bundle, ...admin })
  await replaceFile(join(dataDir, 'admin.kubeconfig'), text)
}

async function checkDataDir(dataDir: string): Promise<void> {
  try {
    await makeDirectory(resolve(dataDir))
    await access(dataDir, constants.W_OK | constants.X_OK)
  } catch (err) {
    const why = (err as Error).message
    throw new Refusal(
      EXIT.dataDir,
      `Cannot write to data directory ${JSON.stringify(dataDir)}: ${why}\nGive another with --data-dir, or make it writable for this user.`,
    )
  }
}

/** Not by mkdir's own recursion, which never ends where nothing can be made, as under /proc. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw err
    await makeDirectory(dirname(path))
    await mkdir(path, { mode: 0o700 })
  }
}

/** Before etcd is touched: most likely the same control plane runs already. */
async function checkPort({ port, bindAddress }: ControlPlaneOptions): Promise<void> {
  const probe = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject)
      probe.listen({ port, host: bindAddress }, resolve)
    })
  } catch (err) {
    throw portRefusal(err as NodeJS.ErrnoException, { port, bindAddress })
  } finally {
    probe.close()
  }
}

function portRefusal(err: NodeJS.ErrnoException, { port, bindAddress }: { port: number; bindAddress: string }): Refusal {
  const what = `Cannot listen on ${bindAddress} port ${port}`
  if (err.code === 'EADDRINUSE') {
    return new Refusal(
      EXIT.port,
      `${what}: the port is in use.\nIs a control plane running already? See who holds it with "ss -ltnp sport = :${port}", or choose another with --port.`,
    )
  }
  if (err.code === 'EADDRNOTAVAIL')
    return new Refusal(EXIT.port, `${what}: this machine does not have that address. Choose another with --bind-address.`)
  if (err.code === 'EACCES') return new Refusal(EXIT.port, `${what}: ports below 1024 take root. Choose another with --port.`)
  return new Refusal(EXIT.port, `${what}: ${err.message}`)
}

/** Aborts at the first SIGTERM or SIGINT; the second ends the process at once. */
function stopOnSignals(log: Logger): AbortSignal {
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) exit(EXIT.failed)
      log.info({ signal: name }, 'Stopping')
      stop.abort(new Error(`Received ${name}`))
    })
  }
  return stop.signal
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  return all.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address)
}

function refusalOf(err: unknown): Refusal {
  if (err instanceof Refusal) return err
  if (err instanceof UsageError) return new Refusal(EXIT.usage, `${err.message}\nSee --help.`)
  if (err instanceof StartError)
    return new Refusal(EXIT.etcd, `Cannot use etcd: ${err.message}\nTo use a cluster that runs already, give --etcd URL[,URL...].`)
  const code = (err as NodeJS.ErrnoException).code
  if (code === 'ENOSPC') return new Refusal(EXIT.dataDir, `The disk is full: ${(err as Error).message}`)
  return new Refusal(EXIT.failed, err instanceof Error ? (err.stack ?? err.message) : String(err))
}

/** Runs as `args` ask and ends the process: see the exit codes in its help. */
export async function serveControlPlane(args: readonly string[]): Promise<never> {
  try {
    await serve(args)
    return exit(0)
  } catch (err) {
    const refusal = refusalOf(err)
    stderr.write(`control-plane: ${refusal.message}\n`)
    return exit(refusal.exitCode)
  }
}
