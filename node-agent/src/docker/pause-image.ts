/**
 * The sandbox's image, made here: one static executable of a few dozen instructions that ignores SIGCHLD (so that the kernel reaps
 * orphans of a shared process namespace) and sleeps for ever. No registry, no pull, no compiler.
 */
import { pack } from 'tar-stream'

export const PAUSE_IMAGE = 'davit/pause:1'
const BASE_ADDRESS = 0x400000
const HEADERS_BYTES = 64 + 56
/** struct sigaction as the kernel reads it: handler SIG_IGN (1), flags, restorer, mask. */
const IGNORE = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])

/** rt_sigaction(SIGCHLD, &act, NULL, 8), then pause() for ever. */
function codeAmd64(): Buffer {
  const head = Buffer.from('bf11000000 488d3500000000 31d2 41ba08000000 b80d000000 0f05'.replaceAll(' ', ''), 'hex')
  const loop = Buffer.from('b822000000 0f05 ebf7'.replaceAll(' ', ''), 'hex')
  // lea rsi, [rip + offset]: counted from the end of that instruction, which is 12 bytes in.
  head.writeInt32LE(aligned(head.length + loop.length) - 12, 8)
  return Buffer.concat([padded(Buffer.concat([head, loop])), IGNORE])
}

/** The same for arm64, which has no pause(): ppoll(NULL, 0, NULL, NULL, 0). Checked by its encoding only, not run. */
function codeArm64(): Buffer {
  const mov = (register: number, value: number) => (0xd2800000 | (value << 5) | register) >>> 0
  const svc = 0xd4000001
  const before = [mov(0, 17), 0, mov(2, 0), mov(3, 8), mov(8, 134), svc]
  const loop = [mov(0, 0), mov(1, 0), mov(2, 0), mov(3, 0), mov(4, 0), mov(8, 73), svc]
  const back = (0x14000000 | (-loop.length & 0x3ffffff)) >>> 0
  const words = [...before, ...loop, back]
  const actOffset = aligned(words.length * 4) - 4
  // adr x1, act
  words[1] = (0x10000000 | ((actOffset & 3) << 29) | ((actOffset >> 2) << 5) | 1) >>> 0
  const code = Buffer.alloc(words.length * 4)
  for (const [index, word] of words.entries()) code.writeUInt32LE(word, index * 4)
  return Buffer.concat([padded(code), IGNORE])
}

const MACHINES: Readonly<Record<string, { id: number; code: () => Buffer }>> = {
  amd64: { id: 62, code: codeAmd64 },
  arm64: { id: 183, code: codeArm64 },
}

/** The executable for a Docker engine's architecture (`amd64`, `arm64`); throws for others. */
export function pauseExecutable(architecture: string): Buffer {
  const machine = MACHINES[architecture]
  if (!machine)
    throw new Error(`Cannot make a pause program for architecture "${architecture}", only for ${Object.keys(MACHINES).join(' and ')}`)
  const code = machine.code()
  const size = HEADERS_BYTES + code.length
  const elf = Buffer.alloc(size)
  Buffer.from('7f454c46020101', 'hex').copy(elf)
  elf.writeUInt16LE(2, 16)
  elf.writeUInt16LE(machine.id, 18)
  elf.writeUInt32LE(1, 20)
  elf.writeBigUInt64LE(BigInt(BASE_ADDRESS + HEADERS_BYTES), 24)
  elf.writeBigUInt64LE(64n, 32)
  elf.writeUInt16LE(64, 52)
  elf.writeUInt16LE(56, 54)
  elf.writeUInt16LE(1, 56)
  // One program header: load the whole file, readable and executable.
  elf.writeUInt32LE(1, 64)
  elf.writeUInt32LE(5, 68)
  elf.writeBigUInt64LE(BigInt(BASE_ADDRESS), 80)
  elf.writeBigUInt64LE(BigInt(BASE_ADDRESS), 88)
  elf.writeBigUInt64LE(BigInt(size), 96)
  elf.writeBigUInt64LE(BigInt(size), 104)
  elf.writeBigUInt64LE(0x10000n, 112)
  code.copy(elf, HEADERS_BYTES)
  return elf
}

/** A tar with `/pause` in it, as `POST /images/create?fromSrc=-` takes it. */
export async function pauseArchive(architecture: string): Promise<Buffer> {
  const archive = pack()
  archive.entry({ name: 'pause', mode: 0o755 }, pauseExecutable(architecture))
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function aligned(length: number): number {
  return Math.ceil(length / 8) * 8
}

function padded(code: Buffer): Buffer {
  return Buffer.concat([code, Buffer.alloc(aligned(code.length) - code.length)])
}
