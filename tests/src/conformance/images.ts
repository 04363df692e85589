/** The image that these tests need beside those of all tests. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeBusyboxRoot, makeImageArchive } from '@davit/deploy'

/** A shell image whose defaults are `/bin/echo image-entrypoint` with the argument `image-argument`; see `effectiveUidProgram`. */
export const CONFORMANCE_IMAGE = 'conformance:1'

/** Makes the archive of `CONFORMANCE_IMAGE` and hands it to `use`. */
export async function withConformanceImage(use: (archive: string) => Promise<void>): Promise<void> {
  const root = await makeBusyboxRoot()
  const outputDir = await mkdtemp(join(tmpdir(), 'davit-conformance-'))
  try {
    await writeFile(join(root, 'bin/effective-uid'), effectiveUidProgram(process.arch), { mode: 0o755 })
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n')
    const config = { Entrypoint: ['/bin/echo', 'image-entrypoint'], Cmd: ['image-argument'], Env: ['PATH=/bin'] }
    await use(await makeImageArchive(root, CONFORMANCE_IMAGE, config, outputDir))
  } finally {
    await rm(outputDir, { recursive: true, force: true })
    await rm(root, { recursive: true, force: true })
  }
}

/**
 * An ELF program that exits with the lowest eight bits of its effective user id. Busybox gives up the rights of a set-uid file
 * before most of its commands run, so a test of set-uid needs a program that does not.
 */
function effectiveUidProgram(arch: string): Buffer {
  const code =
    arch === 'arm64'
      ? // mov x8, geteuid; svc 0; mov x8, exit; svc 0: the result of one call is the argument of the next.
        Buffer.from('e81580d2010000d4a80b80d2010000d4', 'hex')
      : // mov eax, geteuid; syscall; mov edi, eax; mov eax, exit; syscall
        Buffer.from('b86b0000000f0589c7b83c0000000f05', 'hex')
  const headerBytes = 64 + 56
  const address = 0x40_0000n
  const file = Buffer.alloc(headerBytes + code.length)
  file.write('7f454c46020101', 0, 'hex')
  file.writeUInt16LE(2, 16) // an executable
  file.writeUInt16LE(arch === 'arm64' ? 183 : 62, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(address + BigInt(headerBytes), 24) // where it begins
  file.writeBigUInt64LE(64n, 32) // where the one program header is
  file.writeUInt16LE(64, 52)
  file.writeUInt16LE(56, 54)
  file.writeUInt16LE(1, 56)
  file.writeUInt32LE(1, 64) // loaded into memory …
  file.writeUInt32LE(5, 68) // … to be read and run
  file.writeBigUInt64LE(address, 80)
  file.writeBigUInt64LE(address, 88)
  file.writeBigUInt64LE(BigInt(file.length), 96)
  file.writeBigUInt64LE(BigInt(file.length), 104)
  file.writeBigUInt64LE(0x1000n, 112)
  code.copy(file, headerBytes)
  return file
}
