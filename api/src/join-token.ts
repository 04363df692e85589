/** Join tokens: Kubernetes' bootstrap tokens, kept as Secrets in kube-system, with a count of uses of ours. */
import { randomInt } from 'node:crypto'
import type { Client } from './client/client.ts'
import { type Clock, formatTime } from './clock.ts'
import { type Secret, secretKind } from './kinds/core/secret.ts'
import { isReason } from './status.ts'
import { NAMESPACES } from './well-known.ts'

export const JOIN_TOKEN_TYPE = 'bootstrap.kubernetes.io/token'
const LETTERS = 'abcdefghijklmnopqrstuvwxyz0123456789'
const HOUR_MS = 60 * 60 * 1000

export interface JoinTokenOptions {
  clock: Clock
  /** Default one hour. */
  ttlMs?: number
  /** How many nodes may join with it; default 1. */
  uses?: number
  /** The one node that may join with it, even while a node of that name lives. */
  nodeName?: string
}

/** `id.secret`, as in `abcdef.0123456789abcdef`. */
export interface JoinToken {
  id: string
  secret: string
}

/** What a token's Secret says. */
export interface JoinTokenRecord {
  secret: string
  /** Milliseconds since the epoch; Infinity when it does not expire. */
  expiresAt: number
  usesLeft: number
  nodeName: string | undefined
  isForJoining: boolean
}

/** Makes a token that lets nodes join, and clears away those that ended. Whoever has it can make a machine part of the cluster. */
export async function createJoinToken(client: Client, { clock, ttlMs = HOUR_MS, uses = 1, nodeName }: JoinTokenOptions): Promise<string> {
  await removeExpired(client, clock.now())
  const id = randomText(6)
  const secret = randomText(16)
  const fields: Record<string, string> = {
    description: 'Lets nodes join the cluster.',
    'token-id': id,
    'token-secret': secret,
    expiration: formatTime(clock.now() + ttlMs),
    'usage-bootstrap-authentication': 'true',
    'uses-left': String(uses),
    ...(nodeName && { 'node-name': nodeName }),
  }
  await client.resource(secretKind).create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: joinTokenSecretName(id), namespace: NAMESPACES.system },
    type: JOIN_TOKEN_TYPE,
    data: Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, encode(value)])),
  })
  return `${id}.${secret}`
}

export function joinTokenSecretName(id: string): string {
  return `bootstrap-token-${id}`
}

/** Undefined for what is no token. */
export function parseJoinToken(text: string): JoinToken | undefined {
  const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text.trim()) ?? []
  return id && secret ? { id, secret } : undefined
}

export function readJoinTokenRecord({ data }: Secret): JoinTokenRecord {
  const read = (name: string) => (data?.[name] === undefined ? undefined : Buffer.from(data[name], 'base64').toString())
  const expiration = read('expiration')
  const uses = read('uses-left')
  return {
    secret: read('token-secret') ?? '',
    // A date that cannot be read counts as past.
    expiresAt: expiration === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiration) || 0,
    // A token made by hand, in Kubernetes' form, may be used until it expires.
    usesLeft: uses === undefined ? Number.POSITIVE_INFINITY : Number(uses) || 0,
    nodeName: read('node-name'),
    isForJoining: read('usage-bootstrap-authentication') === 'true',
  }
}

/** The Secret after one more use. */
export function spendJoinToken(secret: Secret): Secret {
  const { usesLeft } = readJoinTokenRecord(secret)
  if (!Number.isFinite(usesLeft)) return secret
  return { ...secret, data: { ...secret.data, 'uses-left': encode(String(usesLeft - 1)) } }
}

async function removeExpired(client: Client, now: number): Promise<void> {
  const secrets = client.resource(secretKind)
  const { items } = await secrets.list({ namespace: NAMESPACES.system, fieldSelector: `type=${JOIN_TOKEN_TYPE}` })
  for (const { metadata, ...secret } of items) {
    if (readJoinTokenRecord({ metadata, ...secret }).expiresAt > now || !metadata.name) continue
    await secrets.delete({ namespace: NAMESPACES.system, name: metadata.name }).catch((error: unknown) => {
      if (!isReason(error, 'NotFound')) throw error
    })
  }
}

function randomText(length: number): string {
  return Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('')
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64')
}
