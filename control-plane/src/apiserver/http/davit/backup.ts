/** `POST /davit/v1/backup`: an archive of the whole cluster, as it is made. */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { badRequest, forbidden, GROUPS, type Logger } from '@davit/api'
import { type BackupSecret, checkPassphrase, parseKeyFile } from '@davit/api/backup'
import { z } from 'zod'
import type { Backups } from '../../../backup/index.ts'
import type { User } from '../../registry/index.ts'
import { beginStream, type Reply } from '../respond.ts'

const schema = z.union([z.strictObject({ passphrase: z.string().max(4096) }), z.strictObject({ key: z.base64().max(64) })])

/** Throws BadRequest. */
export function backupSecretOf(body: unknown): BackupSecret {
  const result = schema.safeParse(body)
  // The body is a secret, so nothing of it may be shown.
  if (!result.success) throw badRequest('Cannot read the request for a backup: wanted {"passphrase": "…"} or {"key": "32 bytes in base64"}')
  try {
    if ('passphrase' in result.data) return { passphrase: checkPassphrase(result.data.passphrase) }
    return { key: parseKeyFile(Buffer.from(result.data.key, 'base64')) }
  } catch (error) {
    throw badRequest((error as Error).message)
  }
}

/** An archive holds every secret there is. Throws Forbidden. */
export function mustBeMaster({ name, groups }: User): void {
  if (groups.includes(GROUPS.masters)) return
  throw forbidden({ group: '', plural: 'backups' }, '', `User "${name}" cannot make a backup: that takes the group ${GROUPS.masters}`)
}

/** Ends once the archive is sent; a stream that breaks leaves the client with one that is recognizably cut off. */
export async function sendBackup(
  { backups, log }: { backups: Backups; log: Logger },
  secret: BackupSecret,
  reply: Reply,
  lifetime: AbortController,
): Promise<void> {
  try {
    const { content, revision } = await backups.begin(secret, lifetime.signal)
    const answer = beginStream(reply, 'application/octet-stream')
    await pipeline(Readable.from(content, { objectMode: false }), answer).catch((err: unknown) => {
      log.warn({ err, revision }, 'A backup broke off')
      answer.destroy()
    })
  } finally {
    lifetime.abort()
  }
}
