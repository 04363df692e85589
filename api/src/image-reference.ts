/** Names of images as Docker reads them. https://github.com/distribution/reference */

/** A name of an image, taken apart. `registry` is `docker.io` where the name says none, and `path` then begins with `library/`. */
export interface ImageReference {
  readonly registry: string
  /** `library/nginx`; of an image id: empty. */
  readonly path: string
  /** `latest` where neither tag nor digest is given. */
  readonly tag?: string
  /** `sha256:…`; it counts more than a tag. */
  readonly digest?: string
  /** Set when the name is an image's id on the host, which can be used and never pulled. */
  readonly id?: string
}

const ID = /^(?:sha256:)?([a-f0-9]{64})$/
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/
const TAG = /^\w[\w.-]{0,127}$/
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[a-fA-F0-9:]+\])(?::\d+)?$/
const PATH_PART = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/
const NAME_LENGTH_MAX = 255
const DOCKER_HUB = 'docker.io'
const HUB_ALIASES = new Set([DOCKER_HUB, 'index.docker.io', 'registry-1.docker.io'])

/** Takes a name apart; throws an Error in Docker's words when it is none. */
export function parseImageReference(image: string): ImageReference {
  const id = ID.exec(image)?.[1]
  if (id) return { registry: '', path: '', id: `sha256:${id}` }
  const [named = '', digest, ...more] = image.split('@')
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1)
  const name = colon < 0 ? named : named.slice(0, colon)
  const tag = colon < 0 ? undefined : named.slice(colon + 1)
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest)) || (tag !== undefined && !TAG.test(tag))) throw invalid()
  const { registry, path } = splitHost(name)
  if (!HOST.test(registry)) throw invalid()
  if (!path.split('/').every(part => PATH_PART.test(part))) {
    const isOnlyCase = path.split('/').every(part => PATH_PART.test(part.toLowerCase()))
    throw isOnlyCase ? new Error(`invalid reference format: repository name (${path}) must be lowercase`) : invalid()
  }
  if (name.length > NAME_LENGTH_MAX) throw new Error(`repository name must not be more than ${NAME_LENGTH_MAX} characters`)
  return { registry, path, ...(digest ? { digest } : { tag: tag ?? 'latest' }), ...(digest && tag && { tag }) }
}

/**
 * One spelling for each image, that of Docker's own lists: `nginx:latest`, `registry.example/app@sha256:…` (a digest counts more than a
 * tag). An unreadable name is given back as it is.
 */
export function canonicalImageName(image: string): string {
  try {
    const { registry, path, tag, digest, id } = parseImageReference(image)
    const name = registry === DOCKER_HUB ? path.replace(/^library\//, '') : `${registry}/${path}`
    return id ?? `${name}${digest ? `@${digest}` : `:${tag}`}`
  } catch {
    return image
  }
}

/** The first part is a host only when it looks like one: short names are Docker Hub's. */
function splitHost(name: string): { registry: string; path: string } {
  const slash = name.indexOf('/')
  const first = name.slice(0, Math.max(0, slash))
  const isHost = slash > 0 && (/[.:]/.test(first) || first === 'localhost')
  const registry = isHost ? first : DOCKER_HUB
  const path = isHost ? name.slice(slash + 1) : name
  if (!HUB_ALIASES.has(registry)) return { registry, path }
  return { registry: DOCKER_HUB, path: path.includes('/') || path === '' ? path : `library/${path}` }
}

function invalid(): Error {
  return new Error('invalid reference format')
}
