import { createServer, type Server } from 'node:net'
import { type Pod, podKind, resourcePath, type Service } from '@davit/api'
import { Command } from 'commander'
import { type Cli, listOption, UsageError, withExamples } from '../command-line/index.ts'
import { findPod } from '../pods/index.ts'
import type { Session } from '../session/index.ts'
import { FORWARD_PROTOCOL, forwardConnection } from '../streams/index.ts'

interface Options {
  address: string[]
}

interface Forward {
  readonly local: number
  readonly remote: number
}

/** `davit port-forward`. */
export function portForwardCommand(cli: Cli): Command {
  const command = new Command('port-forward')
    .description('Reach ports of a pod at ports of this machine, until you end it with Ctrl+C.')
    .usage('(POD | TYPE/NAME) [LOCAL:]REMOTE ... [flags]')
    .argument('[arguments...]', 'Pod or TYPE/NAME, then ports: 8080:80, 80, or :80 for any free port here.')
    .option('--address <addresses>', 'Addresses of this machine to listen on.', listOption, undefined)
    .action(async (args: string[], options: Options) => run(cli, args, options))
  return withExamples(
    command,
    'davit port-forward web-1 8080:80\ndavit port-forward service/web 8080:80\ndavit port-forward deploy/web :80     Any free port here',
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const [target, ...specs] = args
  if (target === undefined || specs.length === 0) throw new UsageError('TYPE/NAME and list of ports are required for port-forward')
  const session = await cli.session()
  const { pod } = await findPod(session, target)
  if (pod.status?.phase !== 'Running')
    throw new Error(`unable to forward port because pod is not running. Current status=${pod.status?.phase}`)
  const service = /^(service|services|svc)\//.test(target) ? await serviceOf(session, target) : undefined
  const forwards = specs.map(spec => parseForward(spec, { pod, service }))
  const servers: Server[] = []
  try {
    for (const forward of forwards) {
      for (const address of options.address ?? ['localhost']) servers.push(...(await listenAt(cli, session, { pod, forward, address })))
    }
    await new Promise<void>(resolve => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  } finally {
    for (const server of servers) server.close()
  }
}

async function serviceOf(session: Session, target: string): Promise<Service> {
  const type = await session.types.byName('services')
  return (await session.api.get(type, { namespace: session.namespace, name: target.split('/')[1] ?? '' })) as unknown as Service
}

interface Listening {
  pod: Pod
  forward: Forward
  address: string
}

/** `localhost` is both its addresses, where this machine has both. */
async function listenAt(cli: Cli, session: Session, { pod, forward, address }: Listening): Promise<Server[]> {
  if (address !== 'localhost') return [await listen(cli, session, { pod, forward, address })]
  const first = await listen(cli, session, { pod, forward, address: '127.0.0.1' })
  const { port } = first.address() as { port: number }
  const second = await listen(cli, session, { pod, forward: { ...forward, local: port }, address: '::1' }).catch(() => undefined)
  return second ? [first, second] : [first]
}

function parseForward(spec: string, { pod, service }: { pod: Pod; service: Service | undefined }): Forward {
  const parts = spec.split(':')
  const [first = '', second = first] = parts
  if (parts.length > 2 || second === '') throw new Error(`invalid port format '${spec}'`)
  const remote = remotePort(second, pod, service)
  const local = parts.length === 1 ? (/^\d+$/.test(first) ? Number(first) : remote) : first === '' ? 0 : Number(first)
  if (!Number.isInteger(local) || local < 0 || local > 65_535)
    throw new Error(`error parsing local port '${first}': want a port from 0 to 65535`)
  return { local, remote }
}

/** A Service's port stands for the pod's port behind it; a name for the container's port of that name. */
function remotePort(text: string, pod: Pod, service: Service | undefined): number {
  const named = (name: string) => pod.spec.containers.flatMap(({ ports = [] }) => ports).find(port => port.name === name)?.containerPort
  if (service) {
    const port = service.spec.ports?.find(candidate => String(candidate.port) === text || candidate.name === text)
    if (!port) throw new Error(`Service ${service.metadata.name} does not have a service port ${text}`)
    const { targetPort = port.port } = port
    const found = typeof targetPort === 'number' ? targetPort : named(targetPort)
    if (found === undefined) throw new Error(`Pod '${pod.metadata.name}' does not have a named port '${targetPort}'`)
    return found
  }
  if (/^\d+$/.test(text)) return Number(text)
  const found = named(text)
  if (found === undefined) throw new Error(`Pod '${pod.metadata.name}' does not have a named port '${text}'`)
  return found
}

async function listen(cli: Cli, session: Session, { pod, forward, address }: Listening): Promise<Server> {
  const path = resourcePath(podKind, { namespace: pod.metadata.namespace, name: pod.metadata.name }, 'portforward')
  const server = createServer(async socket => {
    cli.print(`Handling connection for ${localPort()}\n`)
    // Whoever connected may leave before the other side stands, and must not end the others' forwarding.
    socket.on('error', () => {})
    // Nothing is read before that.
    socket.pause()
    try {
      const remote = await session.client.openWebSocket(path, { ports: String(forward.remote) }, [FORWARD_PROTOCOL])
      const carried = forwardConnection(socket, remote)
      socket.resume()
      const failure = await carried
      if (failure) cli.warn(`error: an error occurred forwarding ${localPort()} -> ${forward.remote}: ${failure}\n`)
    } catch (err) {
      cli.warn(`error: an error occurred forwarding ${localPort()} -> ${forward.remote}: ${(err as Error).message}\n`)
      socket.destroy()
    }
  })
  const localPort = () => (server.address() as { port: number }).port
  await new Promise<void>((resolve, reject) => {
    server.once('error', (err: NodeJS.ErrnoException) =>
      reject(
        new Error(
          `unable to listen on port ${forward.local}: ${err.code === 'EADDRINUSE' ? 'another program listens on it; choose another as LOCAL:REMOTE' : err.message}`,
        ),
      ),
    )
    server.listen({ host: address, port: forward.local }, resolve)
  })
  cli.print(`Forwarding from ${address.includes(':') ? `[${address}]` : address}:${localPort()} -> ${forward.remote}\n`)
  return server
}
