import packet, { type Answer, type Packet, type Question } from 'dns-packet'
import { answer, soa, type ZoneConfig } from './answer.ts'
import type { Upstream } from './upstream.ts'
import type { Zone } from './zone.ts'

const RCODE = { noError: 0, formatError: 1, serverFailure: 2, nameError: 3, notImplemented: 4 } as const
const AUTHORITATIVE = 1 << 10
const TRUNCATED = 1 << 9
const RECURSION_DESIRED = 1 << 8
const RECURSION_AVAILABLE = 1 << 7
const OPCODE_MASK = 0x7800

/** What fits through every network without being cut up. */
const UDP_LENGTH_MAX = 1232
const UDP_LENGTH_PLAIN = 512

export interface Responder {
  readonly zone: Zone
  readonly config: ZoneConfig
  readonly upstream: Upstream
}

/** The answer to one message; undefined when it deserves none. Never throws. */
export async function respond(query: Buffer, transport: 'udp' | 'tcp', { zone, config, upstream }: Responder): Promise<Buffer | undefined> {
  if (query.length < 12 || (query.readUInt8(2) & 0x80) !== 0) return undefined
  const flags = query.readUInt16BE(2)
  let request: Packet
  try {
    request = packet.decode(query)
  } catch {
    return bare(query, flags, RCODE.formatError)
  }
  const question = request.questions?.[0]
  if ((flags & OPCODE_MASK) !== 0) return bare(query, flags, RCODE.notImplemented)
  if (!question || request.questions?.length !== 1) return bare(query, flags, RCODE.formatError)

  const reply = answer(zone, config, question)
  if (reply.type === 'forward')
    return (await upstream.ask(query, transport)) ?? encode(request, question, { rcode: RCODE.serverFailure }, transport)
  if (reply.type === 'chase') {
    const rest = await chase(upstream, question, reply.target)
    const rcode = rest === undefined ? RCODE.serverFailure : RCODE.noError
    return encode(request, question, { rcode, answers: rest === undefined ? [] : [...reply.answers, ...rest] }, transport)
  }
  const authorities = reply.answers.length === 0 || !reply.exists ? [soa(config)] : []
  const body = {
    rcode: reply.exists ? RCODE.noError : RCODE.nameError,
    answers: rotated(reply.answers),
    authorities,
    additionals: reply.additionals,
  }
  return encode(request, question, { ...body, isOurs: true }, transport)
}

/** Answers for the end of an alias that lies outside; undefined when nobody could tell. */
async function chase(upstream: Upstream, { type }: Question, target: string): Promise<Answer[] | undefined> {
  const query = packet.encode({ type: 'query', id: 1, flags: RECURSION_DESIRED, questions: [{ name: target, type, class: 'IN' }] })
  const reply = await upstream.ask(Buffer.from(query), 'udp')
  if (!reply) return undefined
  try {
    return packet.decode(reply).answers ?? []
  } catch {
    return undefined
  }
}

let turns = 0

/** Another one first each time, so that callers who take the first spread over all; an alias stays in front. */
function rotated(answers: readonly Answer[]): Answer[] {
  const aliases = answers.filter(({ type }) => type === 'CNAME')
  const rest = answers.filter(({ type }) => type !== 'CNAME')
  const at = rest.length > 0 ? turns++ % rest.length : 0
  return [...aliases, ...rest.slice(at), ...rest.slice(0, at)]
}

interface Body {
  readonly rcode: number
  readonly answers?: readonly Answer[]
  readonly authorities?: readonly Answer[]
  readonly additionals?: readonly Answer[]
  readonly isOurs?: boolean
}

function encode(request: Packet, question: Question, body: Body, transport: 'udp' | 'tcp'): Buffer {
  const asked = request.additionals?.find(({ type }) => type === 'OPT')
  const size = asked && 'udpPayloadSize' in asked ? Number(asked.udpPayloadSize) : UDP_LENGTH_PLAIN
  const limit = transport === 'tcp' ? 0xffff : Math.min(UDP_LENGTH_MAX, Math.max(UDP_LENGTH_PLAIN, size))
  const option: Answer[] = asked
    ? [{ type: 'OPT', name: '.', udpPayloadSize: UDP_LENGTH_MAX, flags: 0, options: [] } as unknown as Answer]
    : []
  const flags = RECURSION_AVAILABLE | ((request.flags ?? 0) & RECURSION_DESIRED) | (body.isOurs ? AUTHORITATIVE : 0) | body.rcode
  const write = (answers: readonly Answer[], additionals: readonly Answer[], more = 0) =>
    Buffer.from(
      packet.encode({
        type: 'response',
        id: request.id ?? 0,
        flags: flags | more,
        questions: [question],
        answers: [...answers],
        authorities: [...(body.authorities ?? [])],
        additionals: [...additionals, ...option],
      }),
    )
  const answers = body.answers ?? []
  const whole = write(answers, body.additionals ?? [])
  if (whole.length <= limit) return whole
  const withoutExtras = write(answers, [])
  if (withoutExtras.length <= limit) return withoutExtras
  // The caller asks again over TCP; those who cannot have at least what fits.
  let fits = Math.floor(answers.length * (limit / withoutExtras.length))
  while (fits > 0 && write(answers.slice(0, fits), [], TRUNCATED).length > limit) fits--
  return write(answers.slice(0, fits), [], TRUNCATED)
}

/** A header that says what was wrong. */
function bare(query: Buffer, flags: number, rcode: number): Buffer {
  const message = Buffer.alloc(12)
  message.writeUInt16BE(query.readUInt16BE(0))
  message.writeUInt16BE(0x8000 | (flags & (OPCODE_MASK | RECURSION_DESIRED)) | RECURSION_AVAILABLE | rcode, 2)
  return message
}
