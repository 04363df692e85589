/** `davit backup create`: an archive from any API server into a file or a bucket, read once more before it counts. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { type BackupRequest, type ClusterInfo, PATHS } from '@davit/api'
import { archiveName, type BackupManifest, type BackupSecret, openArchive, openStore, writeArchive } from '@davit/api/backup'
import type { Cli } from '../command-line/index.ts'
import { backupSecret, formatBytes, type SecretFlags, type StoreFlags, s3Options } from './options.ts'

export interface CreateFlags extends SecretFlags, StoreFlags {
  to: string
}

/** A server that sends nothing for so long is given up. */
const SILENCE_MS_MAX = 60_000
const PROGRESS_EVERY_MS = 200

export async function createBackup(cli: Cli, flags: CreateFlags): Promise<void> {
  const secret = await backupSecret(cli, flags, { isNew: true })
  const { api } = await cli.session()
  const { clusterId } = (await api.request('GET', PATHS.cluster)) as ClusterInfo
  const target = await targetOf(flags, s3Options(cli, flags), archiveName(clusterId, cli.clock.now()))
  const stop = new AbortController()
  const onInterrupt = () => stop.abort(new Error('interrupted'))
  process.once('SIGINT', onInterrupt)
  try {
    const body: BackupRequest = 'passphrase' in secret ? secret : { key: secret.key.toString('base64') }
    const stream = await api.open('POST', PATHS.backup, { body, signal: stop.signal })
    const bytes = await target.write(withProgress(cli, watched(stream, stop)), stop.signal)
    const manifest = await verify(target.read(stop.signal), secret)
    cli.print(`${target.place}\n`)
    cli.warn(
      `${formatBytes(bytes)}, ${manifest.parts.length} parts, etcd at revision ${manifest.etcd.revision} or later. Read back and verified.\n`,
    )
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}

interface Target {
  readonly place: string
  write(content: AsyncIterable<Buffer>, signal: AbortSignal): Promise<number>
  read(signal: AbortSignal): AsyncIterable<Buffer>
}

/** A place that is a folder or a bucket gets an archive of the usual name; anything else is the file itself. */
async function targetOf({ to }: CreateFlags, s3: ReturnType<typeof s3Options>, name: string): Promise<Target> {
  const isFolder =
    to.startsWith('s3://') ||
    to.endsWith('/') ||
    (await stat(to).then(
      found => found.isDirectory(),
      () => false,
    ))
  if (!isFolder && !to.includes('://')) {
    const path = resolve(to)
    return { place: path, write: (content, signal) => writeArchive(path, content, signal), read: () => createReadStream(path) }
  }
  const store = openStore(to, s3)
  const place = to.startsWith('s3://') ? `${to.replace(/\/$/, '')}/${name}` : join(store.place, name)
  return { place, write: (content, signal) => store.put(name, content, signal), read: signal => store.read(name, signal) }
}

/** The archive as it will be needed one day: nothing else tells that it is any good. */
async function verify(content: AsyncIterable<Buffer>, secret: BackupSecret): Promise<BackupManifest> {
  const opened = await openArchive(content, secret)
  return opened.read(async part => {
    for await (const _ of part.content);
  })
}

async function* watched(stream: Readable, stop: AbortController): AsyncGenerator<Buffer, void, void> {
  const onSilence = () => stop.abort(new Error(`the API server sent nothing for ${SILENCE_MS_MAX / 1000} s; nothing was kept`))
  let timer = setTimeout(onSilence, SILENCE_MS_MAX)
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) {
      clearTimeout(timer)
      yield bytes
      timer = setTimeout(onSilence, SILENCE_MS_MAX)
    }
  } finally {
    clearTimeout(timer)
  }
}

async function* withProgress({ stderr, clock }: Cli, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let bytes = 0
  let shownAt = Number.NEGATIVE_INFINITY
  for await (const piece of content) {
    yield piece
    bytes += piece.length
    if (!stderr.isTTY || clock.monotonic() - shownAt < PROGRESS_EVERY_MS) continue
    shownAt = clock.monotonic()
    stderr.write(`\r\u001b[K${formatBytes(bytes)}`)
  }
  if (stderr.isTTY) stderr.write('\r\u001b[K')
}
