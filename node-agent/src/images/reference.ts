import { type Container, canonicalImageName, type ImageReference, parseImageReference } from '@davit/api'
import { ImageFailure } from './failure.ts'

/** A container's image, checked. */
export interface ImageName extends ImageReference {
  /** What Docker is asked for: with `:latest` where nothing is said, and by the digest alone where one is given. */
  readonly docker: string
}

/** Throws InvalidImageName. */
export function readImageName(image: string): ImageName {
  try {
    const reference = parseImageReference(image)
    return { ...reference, docker: canonicalImageName(image) }
  } catch (err) {
    const why = `couldn't parse image name "${image}": ${err instanceof Error ? err.message : String(err)}`
    throw new ImageFailure('InvalidImageName', `Failed to apply default image tag "${image}": ${why}`, { cause: err })
  }
}

/** What a container is given when it does not say. */
export function pullPolicy({
  image = '',
  imagePullPolicy,
}: Pick<Container, 'image' | 'imagePullPolicy'>): 'Always' | 'IfNotPresent' | 'Never' {
  if (imagePullPolicy) return imagePullPolicy
  const { tag, digest } = readImageName(image)
  return tag === 'latest' && !digest ? 'Always' : 'IfNotPresent'
}
