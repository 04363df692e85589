import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { SshError } from './errors.ts'
import type { SshHost } from './host.ts'
import { shellQuote } from './quote.ts'

/** A file made ready once to be sent to any number of hosts. */
export interface UploadSource {
  /** Hex, of the content as it is to stand on the host. */
  readonly sha256: string
  readonly sizeBytes: number
  readonly gzipped: Buffer
}

export interface UploadOptions {
  /** Such as 0o755. */
  readonly mode: number
  readonly sudo?: boolean
  readonly signal?: AbortSignal
  /** Longest it may take, milliseconds. Default ten minutes. */
  readonly timeoutMs?: number
  /** Share of it that was sent, 0 to 1. */
  readonly onProgress?: (share: number) => void
}

const UPLOAD_MS_MAX = 600_000
const CHUNK_BYTES = 64 << 10
/** Most of the gain for a third of the time. */
const GZIP_LEVEL = 4
/** Exit code of ours, none of the programs that run there. */
const WRONG_SUM = 97

/** Reads a file, or takes bytes; a file that ends in `.gz` is sent as it is and unpacked there. */
export async function prepareUpload(source: Buffer | string): Promise<UploadSource> {
  const bytes = typeof source === 'string' ? await readFile(source) : source
  const isPacked = typeof source === 'string' && source.endsWith('.gz')
  const content = isPacked ? await promisify(gunzip)(bytes) : bytes
  const gzipped = isPacked ? bytes : await promisify<Buffer, { level: number }, Buffer>(gzip)(bytes, { level: GZIP_LEVEL })
  return { sha256: createHash('sha256').update(content).digest('hex'), sizeBytes: content.length, gzipped }
}

/**
 * Sends to a name beside the wanted one, compares checksums there, and only then renames: a cut connection leaves the old file, and at
 * most a part that the next upload writes over.
 */
export async function sendFile(host: SshHost, given: Buffer | string | UploadSource, path: string, options: UploadOptions): Promise<void> {
  const source = typeof given === 'string' || Buffer.isBuffer(given) ? await prepareUpload(given) : given
  const { mode, sudo = false, signal, timeoutMs = UPLOAD_MS_MAX, onProgress = () => {} } = options
  const script = `set -eu
umask 077
target=${shellQuote(path)}
part="$target.davit-part"
trap 'rm -f "$part"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p ${shellQuote(dirname(path))}
gzip -dc >"$part"
sum=$(sha256sum "$part")
[ "\${sum%% *}" = ${source.sha256} ] || exit ${WRONG_SUM}
chmod ${mode.toString(8)} "$part"
sync "$part" 2>/dev/null || sync
mv -f "$part" "$target"`
  const { code, stderr } = await host.run(script, {
    input: Readable.from(chunksOf(source.gzipped, onProgress)),
    sudo,
    timeoutMs,
    ...(signal && { signal }),
  })
  if (code === 0) return
  const what = `${basename(path)} could not be put on ${host.name}`
  if (code === WRONG_SUM) throw new SshError('command', `${what}: what arrived is not what was sent; run this again`)
  const said = stderr.trim().split('\n').at(-1) || `the command ended with ${code}`
  if (/no space/i.test(stderr)) {
    throw new SshError(
      'command',
      `${what}: there is no space in ${dirname(path)}, wanted ${Math.ceil(source.sizeBytes / 1e6)} MB; make room`,
    )
  }
  throw new SshError('command', `${what}: ${said}`)
}

function* chunksOf(bytes: Buffer, onProgress: (share: number) => void): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    onProgress(at / bytes.length)
    yield bytes.subarray(at, at + CHUNK_BYTES)
  }
  onProgress(1)
}
