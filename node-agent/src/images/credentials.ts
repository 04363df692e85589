/** Which of many stored registry credentials are for an image: by host, port, path and globs, the most specific first, as in Kubernetes. */
import { z } from 'zod'
import type { RegistryAuth } from '../docker/index.ts'
import type { ImageName } from './reference.ts'

/** One entry of a Docker configuration. */
export interface StoredCredential {
  /** `host[:port][/path]` without scheme; the host's parts may be globs. Docker Hub is `docker.io`. */
  readonly place: string
  readonly auth: RegistryAuth
}

const entrySchema = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  auth: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
})
const entriesSchema = z.record(z.string(), entrySchema)
const configSchema = z.object({ auths: entriesSchema.default({}) })
const HUB_ALIASES = /^(?:index|registry-1)\.docker\.io(?=[:/]|$)/

/** Reads `config.json` of Docker, or (`legacy`) the older `.dockercfg`, which is its `auths` alone. Throws when it is neither. */
export function parseCredentials(text: string, { legacy = false }: { legacy?: boolean } = {}): StoredCredential[] {
  const json: unknown = JSON.parse(text)
  const auths = legacy ? entriesSchema.parse(json) : configSchema.parse(json).auths
  return Object.entries(auths).flatMap(([address, entry]) => {
    const auth = authOf(entry)
    return auth ? [{ place: placeOf(address), auth }] : []
  })
}

/** Credentials that fit the image, the most specific first; each once. */
export function credentialsFor(image: ImageName, stored: readonly StoredCredential[]): RegistryAuth[] {
  const fitting = stored.filter(({ place }) => fits(place, image))
  // Reverse alphabetical order puts longer paths first and globs last, which is the order Kubernetes tries.
  const sorted = fitting.toSorted((a, b) => (a.place < b.place ? 1 : a.place > b.place ? -1 : 0))
  const distinct = new Map(sorted.map(({ auth }) => [JSON.stringify(auth), auth]))
  return [...distinct.values()].map(auth => ({ ...auth, serveraddress: image.registry }))
}

function authOf({ username, password, auth, identitytoken, registrytoken }: z.infer<typeof entrySchema>): RegistryAuth | undefined {
  if (registrytoken) return { registrytoken }
  // As `docker login` leaves them, both fields speak of one login; `auth` counts more.
  const [decodedName = '', ...decodedPassword] = auth ? Buffer.from(auth, 'base64').toString().replace(/\0+$/, '').split(':') : []
  const name = decodedName || username
  if (identitytoken) return { identitytoken, ...(name && { username: name }) }
  const secret = auth ? decodedPassword.join(':') : password
  return name ? { username: name, password: secret ?? '' } : undefined
}

/** `https://index.docker.io/v1/` → `docker.io`. */
function placeOf(address: string): string {
  return address
    .replace(/^https?:\/\//, '')
    .replace(/\/v[12](?=\/|$)/, '')
    .replace(/\/+$/, '')
    .replace(HUB_ALIASES, 'docker.io')
}

function fits(place: string, { registry, path }: ImageName): boolean {
  const slash = place.indexOf('/')
  const host = slash < 0 ? place : place.slice(0, slash)
  return fitsHost(host, registry) && `/${path}`.startsWith(slash < 0 ? '/' : place.slice(slash))
}

/** Part by part, so that `*` never covers a dot; ports must be the same. */
function fitsHost(pattern: string, host: string): boolean {
  if (pattern === host) return true
  const [patternName, patternPort] = splitPort(pattern)
  const [hostName, hostPort] = splitPort(host)
  const patternParts = patternName.split('.')
  const hostParts = hostName.split('.')
  if (patternPort !== hostPort || patternParts.length !== hostParts.length) return false
  return patternParts.every((part, index) => globMatches(part, hostParts[index] ?? ''))
}

function splitPort(host: string): [name: string, port: string] {
  const found = /^(.*?)(?::(\d+))?$/.exec(host)
  return [found?.[1] ?? host, found?.[2] ?? '']
}

const GLOB_LENGTH_MAX = 255

/** `*` stands for anything, `?` for one character, `[…]` for one of a set. Linear in the text for each star. */
export function globMatches(glob: string, text: string): boolean {
  if (glob.length > GLOB_LENGTH_MAX) return false
  const tokens = glob.match(/\[\^?[^\]]+\]|\\.|[\s\S]/g) ?? []
  // Positions in the text where the tokens so far may end: no backtracking, whatever the pattern.
  let ends = new Set([0])
  for (const token of tokens) {
    const next = new Set<number>()
    if (token === '*') for (let at = Math.min(...ends); at <= text.length; at++) next.add(at)
    else for (const at of ends) if (at < text.length && matchesOne(token, text[at] ?? '')) next.add(at + 1)
    if (next.size === 0) return false
    ends = next
  }
  return ends.has(text.length)
}

function matchesOne(token: string, char: string): boolean {
  if (token === '?') return true
  if (token.startsWith('\\') && token.length === 2) return token[1] === char
  if (!token.startsWith('[') || token.length < 3) return token === char
  const isNegated = token[1] === '^'
  const set = token.slice(isNegated ? 2 : 1, -1)
  let isIn = false
  for (let at = 0; at < set.length; at++) {
    const from = set[at] ?? ''
    const isRange = set[at + 1] === '-' && at + 2 < set.length
    const to = isRange ? (set[at + 2] ?? '') : from
    if (from <= char && char <= to) isIn = true
    if (isRange) at += 2
  }
  return isIn !== isNegated
}
