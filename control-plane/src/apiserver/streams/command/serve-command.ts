/** exec and attach of one client. */
import type { ClientHttp2Stream } from 'node:http2'
import {
  badRequest,
  CHANNELS,
  type Clock,
  encodeFrame,
  type Logger,
  readFrames,
  type Status,
  type StreamFrame,
  TUNNEL_PATHS,
  writeChunk,
} from '@davit/api'
import { openAgentStream, parseStatus } from '../../tunnel/index.ts'
import type { StreamsOptions, UpgradeRequest } from '../create-streams.ts'
import { checkRunnable, containerOf, findTarget } from '../target.ts'
import { acceptWebSocket, chooseProtocol, protocolsIn, upgradeOf } from '../web-socket.ts'
import type { CommandClient } from './command-client.ts'
import { type CommandOptions, commandQuery, parseCommandOptions } from './command-options.ts'
import { acceptSpdyClient, SPDY_PROTOCOLS } from './spdy-client.ts'
import { WEB_SOCKET_PROTOCOLS, webSocketClient } from './web-socket-client.ts'

const PING_MS = 15_000

/** Throws the ApiError to answer with while the connection still speaks HTTP; settles when the command is over. */
export async function serveCommand({ registry, tunnels, clock, log }: StreamsOptions, upgrade: UpgradeRequest): Promise<void> {
  const { call, socket } = upgrade
  const accept = negotiate(upgrade, clock)
  const options = parseCommandOptions(call.query, call.subresource)
  const target = await findTarget(registry, call)
  const container = containerOf(target.pod, call.query.get('container'))
  checkRunnable(target, call.subresource === 'exec' ? 'exec into a container' : 'attach a container')

  const gone = new AbortController()
  socket.once('close', () => gone.abort(badRequest('The client closed the connection')))
  if (socket.destroyed) return
  const base = call.subresource === 'exec' ? TUNNEL_PATHS.exec : TUNNEL_PATHS.attach
  const path = `${base}/${target.path}/${encodeURIComponent(container)}?${commandQuery(options)}`
  const agent = await openAgentStream(await tunnels.session(target.nodeName), { method: 'POST', path, signal: gone.signal })
  try {
    const client = await accept(options)
    await relay(agent, client, { clock, log })
  } catch (err) {
    log.debug({ err, pod: call.name, namespace: call.namespace }, 'A command ended with its connection')
    socket.destroy()
  } finally {
    agent.destroy()
  }
}

type Accept = (options: CommandOptions) => Promise<CommandClient>

/** Settles on a protocol; what it gives answers the handshake. Throws BadRequest or Forbidden. */
function negotiate({ request, socket, head }: UpgradeRequest, clock: Clock): Accept {
  const kind = upgradeOf(request)
  if (kind === 'websocket') {
    const offered = protocolsIn(request.headers['sec-websocket-protocol'])
    const protocol = offered.length > 0 ? chooseProtocol(offered, WEB_SOCKET_PROTOCOLS) : ''
    return async () => webSocketClient(await acceptWebSocket(request, socket, { head, protocol }), protocol)
  }
  if (kind === 'spdy') {
    const protocol = chooseProtocol(protocolsIn(request.headers['x-stream-protocol-version']), SPDY_PROTOCOLS)
    return options => acceptSpdyClient(socket, { head, protocol, options, clock })
  }
  throw badRequest('Upgrade request required')
}

/** Moves frames both ways until the command ends or the client goes away. */
async function relay(agent: ClientHttp2Stream, client: CommandClient, { clock, log }: { clock: Clock; log: Logger }): Promise<void> {
  const ended = new AbortController()
  void pingUntil(client, clock, ended.signal)
  const input = client.read(({ channel, payload }) => writeChunk(agent, encodeFrame(channel, payload)))
  const outcome = await Promise.race([passOutput(agent, client), input.then(() => undefined)])
  ended.abort()
  if (outcome) await client.finish(outcome)
  else log.debug({}, 'The client of a command went away')
  client.destroy()
}

/** A client that went away while nothing is read from it, because the command reads nothing, shows it only when written to. */
async function pingUntil(client: CommandClient, clock: Clock, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    await clock.sleep(PING_MS, ended).catch(() => {})
    if (!ended.aborted) client.ping()
  }
}

/** Resolves to how the command ended. */
async function passOutput(agent: ClientHttp2Stream, client: CommandClient): Promise<Status> {
  let status: Status | undefined
  try {
    for await (const frame of readFrames(agent)) {
      if (frame.channel === CHANNELS.error) status = statusIn(frame)
      else await client.write(frame)
    }
  } catch {
    // Without a Status below it is told as what it is: a broken connection.
  }
  return status ?? broken
}

function statusIn({ payload }: StreamFrame): Status | undefined {
  return parseStatus(payload.toString())
}

const broken: Status = {
  apiVersion: 'v1',
  kind: 'Status',
  metadata: {},
  status: 'Failure',
  message: 'Internal error occurred: the connection to the node broke before the command ended',
  reason: 'InternalError',
  code: 500,
}
