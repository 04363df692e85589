/** Keeps this replica's CAs what the cluster's are: a Secret says so, `ca.pem` is its mirror, by which a replica starts without etcd. */
import { join } from 'node:path'
import { type Client, type Clock, isReason, type Logger, type Secret, secretKind, startInformer } from '@davit/api'
import { AUTHORITIES_SECRET, authoritiesSecret, readAuthoritiesSecret, readAuthority, readText, replaceFile } from '@davit/api/pki'
import type { LivePki } from './live-pki.ts'

export interface AuthoritiesOptions {
  readonly client: Client
  readonly pki: LivePki
  readonly clock: Clock
  readonly log: Logger
  readonly signal: AbortSignal
}

const RETRY_MS = 5000

/** Takes over what the Secret says, or makes it from `ca.pem` when there is none. Before a replica serves: it may have slept through a change. */
export async function adoptAuthorities(options: AuthoritiesOptions): Promise<void> {
  const { client, pki, signal } = options
  const secrets = client.resource(secretKind)
  try {
    return await mirror(await secrets.get(AUTHORITIES_SECRET, { signal }), options)
  } catch (err) {
    if (!isReason(err, 'NotFound')) throw err
  }
  try {
    await secrets.create(authoritiesSecret((await readText(join(pki.dir, 'ca.pem'))) ?? ''), { signal })
  } catch (err) {
    if (!isReason(err, 'AlreadyExists')) throw err
    await mirror(await secrets.get(AUTHORITIES_SECRET, { signal }), options)
  }
}

/** Mirrors every later change until `signal` aborts, and makes the Secret again when it was deleted. */
export function followAuthorities(options: AuthoritiesOptions): void {
  const { client, pki, clock, log, signal } = options
  const selected = { namespace: AUTHORITIES_SECRET.namespace, fieldSelector: `metadata.name=${AUTHORITIES_SECRET.name}` }
  const informer = startInformer(client, secretKind, { ...selected, signal, log, clock })
  const settle = async () => {
    const [present] = informer.cache.list()
    try {
      await (present ? mirror(present, options) : adoptAuthorities(options))
    } catch (err) {
      if (signal.aborted) return
      log.error({ err, dir: pki.dir }, "Cannot take over the cluster's CAs")
      await clock.sleep(RETRY_MS, signal).then(next, () => {})
    }
  }
  // One after the other, each by what is there then: an older state is never written over a newer.
  let work = Promise.resolve()
  const next = () => {
    work = work.then(settle)
  }
  informer.onChange(next)
}

/** Throws when it is not to be used; then what is here stays. */
async function mirror(secret: Secret, { pki, log }: AuthoritiesOptions): Promise<void> {
  const what = `Secret ${AUTHORITIES_SECRET.namespace}/${AUTHORITIES_SECRET.name}`
  const text = readAuthoritiesSecret(secret) ?? ''
  const { hashes } = readAuthority(text, what)
  const path = join(pki.dir, 'ca.pem')
  if ((await readText(path)) === text) return
  await replaceFile(path, text)
  await pki.refresh()
  log.info({ hashes }, 'The CAs of the cluster changed')
}
