/**
 * What the kernel remembers of closed TCP connections that were led to a pod.
 *
 * When a container ends, Docker lists all connections that lead to its address and then deletes them one by one, by the caller's
 * address and port. Where a caller uses its port again meanwhile, it is the new connection, to another pod, that goes: its request
 * is lost. So they have to be gone before, deleted in a way that cannot hit another connection: by what the answers look like, which
 * names the pod. No program has a word for that, but the kernel does.
 */
import type { Logger } from '@davit/api'
import { CommandError, runCommand } from '../network/index.ts'
import type { ServicePort } from './rules.ts'

/** Where the answers of a connection come from and go to. */
export interface ReplyTuple {
  readonly source: string
  readonly sourcePort: number
  readonly destination: string
  readonly destinationPort: number
}

/** Programs that can send bytes to the kernel's connection tracking; one of them is on almost every machine. */
const SENDERS: readonly (readonly [file: string, ...args: string[]])[] = [
  ['perl', '-e', 'socket(S, 16, 3, 12) or die $!; binmode STDIN; while (sysread(STDIN, $b, 65536)) { $a .= $b } send(S, $a, 0) or die $!'],
  [
    'python3',
    '-c',
    'import socket, sys; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_NETFILTER).send(sys.stdin.buffer.read())',
  ],
]
/** So many fit into the buffer of a socket. */
const MESSAGES_A_CALL = 500

let warned = false

/**
 * Makes the kernel forget the connections that frontends of this node led to `address`, to which none may be open any more.
 * Never throws.
 */
export async function forgetClosedFlows(address: string, log: Logger): Promise<void> {
  try {
    const listed = await runCommand('conntrack', ['-L', '-p', 'tcp', '--dst-nat', address])
    await forgetAll(parseReplyTuples(listed), ['--reply-src', address, '--state', 'TIME_WAIT'])
  } catch (err) {
    warn(err, log)
  }
}

/** Endpoints (`address:port`) that a Service's TCP ports led to before and do not any more. */
export function endpointsGone(before: readonly ServicePort[], after: readonly ServicePort[]): string[] {
  return before.flatMap(({ id, protocol, cluster }) => {
    const now = after.find(port => port.id === id)?.cluster ?? []
    return protocol === 'tcp' ? cluster.filter(endpoint => !now.includes(endpoint)) : []
  })
}

/**
 * Makes the kernel forget the attempts to connect to endpoints (`address:port`) that no Service of this node leads to any more and
 * that have not answered: the caller's next attempt, a second or so later, is then led to another. Never throws.
 */
export async function forgetUnanswered(endpoints: ReadonlySet<string>, log: Logger): Promise<void> {
  if (endpoints.size === 0) return
  try {
    const listed = await runCommand('conntrack', ['-L', '-p', 'tcp', '--state', 'SYN_SENT'])
    await forgetAll(
      parseReplyTuples(listed).filter(({ source, sourcePort }) => endpoints.has(`${source}:${sourcePort}`)),
      ['--state', 'SYN_SENT'],
    )
  } catch (err) {
    warn(err, log)
  }
}

function warn(err: unknown, log: Logger): void {
  if (!warned) log.warn({ err }, 'Cannot have connections forgotten; are conntrack and perl or python3 installed?')
  warned = true
}

/** `all`: what conntrack itself is told to delete where nothing can send to the kernel. */
async function forgetAll(tuples: readonly ReplyTuple[], all: readonly string[]): Promise<void> {
  for (let at = 0; at < tuples.length; at += MESSAGES_A_CALL)
    await send(Buffer.concat(tuples.slice(at, at + MESSAGES_A_CALL).map(deletionOf)), all)
}

async function send(messages: Buffer, all: readonly string[]): Promise<void> {
  for (const [file, ...args] of SENDERS) {
    try {
      await runCommand(file, args, { input: messages })
      return
    } catch (err) {
      if (!isMissing(err)) throw err
    }
  }
  // In small portions, so that there is much less time than Docker takes for a port to be used again.
  await runCommand('conntrack', ['-D', '-p', 'tcp', ...all])
}

function isMissing(err: unknown): boolean {
  return err instanceof CommandError && err.cause instanceof Error && 'code' in err.cause && err.cause.code === 'ENOENT'
}

/** From lines of `conntrack -L`: the second of each field is the reply's. */
export function parseReplyTuples(text: string): ReplyTuple[] {
  return text.split('\n').flatMap(line => {
    const second = (name: string) => [...line.matchAll(new RegExp(` ${name}=(\\S+)`, 'g'))][1]?.[1]
    const [source, destination, sourcePort, destinationPort] = [second('src'), second('dst'), second('sport'), second('dport')]
    if (!source || !destination || !sourcePort || !destinationPort) return []
    return [{ source, sourcePort: Number(sourcePort), destination, destinationPort: Number(destinationPort) }]
  })
}

const DELETE = (1 << 8) | 2
const REQUEST = 1
const AF_INET = 2
const TCP = 6
const CTA = { tupleReply: 2, tupleIp: 1, ipSource: 1, ipDestination: 2, tupleProtocol: 2, number: 1, sourcePort: 2, destinationPort: 3 }

/** `IPCTNL_MSG_CT_DELETE` of the kernel's nfnetlink_conntrack.h, for the connection with these answers. */
export function deletionOf({ source, sourcePort, destination, destinationPort }: ReplyTuple): Buffer {
  const tuple = nested(CTA.tupleReply, [
    nested(CTA.tupleIp, [attribute(CTA.ipSource, ipv4(source)), attribute(CTA.ipDestination, ipv4(destination))]),
    nested(CTA.tupleProtocol, [
      attribute(CTA.number, Buffer.of(TCP)),
      attribute(CTA.sourcePort, port(sourcePort)),
      attribute(CTA.destinationPort, port(destinationPort)),
    ]),
  ])
  const header = Buffer.alloc(20)
  header.writeUInt32LE(header.length + tuple.length, 0)
  header.writeUInt16LE(DELETE, 4)
  header.writeUInt16LE(REQUEST, 6)
  header.writeUInt8(AF_INET, 16)
  return Buffer.concat([header, tuple])
}

const NESTED = 0x8000

function nested(type: number, attributes: readonly Buffer[]): Buffer {
  return attribute(type | NESTED, Buffer.concat(attributes))
}

/** Length, type, value; padded to four bytes. */
function attribute(type: number, value: Buffer): Buffer {
  const length = 4 + value.length
  const bytes = Buffer.alloc((length + 3) & ~3)
  bytes.writeUInt16LE(length, 0)
  bytes.writeUInt16LE(type, 2)
  value.copy(bytes, 4)
  return bytes
}

function port(number: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(number)
  return bytes
}

function ipv4(address: string): Buffer {
  return Buffer.from(address.split('.').map(Number))
}
