/** What went wrong with a pull: Docker's and the registry's own words, made short, under the reason Kubernetes has for it. Pure. */
import type { ImageReason } from './failure.ts'

const NO_VARIANT = /no matching manifest for (?<platform>\S+)|image operating system "(?<os>[^"]*)" cannot be used on this platform/
const UNREACHABLE =
  /no such host|server misbehaving|temporary failure in name resolution|connection refused|connection reset|network is unreachable|no route to host|i\/o timeout|handshake timeout|Client\.Timeout|deadline exceeded|unexpected EOF|: EOF$|made no progress|HTTP status:? 5\d\d|5\d\d (?:Bad Gateway|Service Unavailable|Gateway Timeout|Internal Server Error)/i
const LENGTH_MAX = 1_000
/** A registry writes what it likes, and looking for repetitions takes time with the square of the length. */
const READ_MAX = 4_000

/** `platform`: what this node runs, such as `linux/amd64`. */
export function pullError(
  message: string,
  { image, platform }: { image: string; platform: string },
): { reason: ImageReason; message: string } {
  const words = shortened(message)
  const lacking = NO_VARIANT.exec(words)
  if (lacking)
    return { reason: 'ErrImageArchitecture', message: `image "${image}" cannot run on this node, which is ${platform}: ${words}` }
  return { reason: UNREACHABLE.test(words) ? 'RegistryUnavailable' : 'ErrImagePull', message: words }
}

/** Without what Docker wraps round it, and what is said twice said once. */
function shortened(message: string): string {
  const plain = message
    .slice(0, READ_MAX)
    .replace(/^(?:Error response from daemon: )+/, '')
    .replace(/(?<words>\b[a-z][a-z ]+): \k<words>\b/g, '$<words>')
    .replace(/net\/http: /g, '')
    .trim()
  return plain.length > LENGTH_MAX ? `${plain.slice(0, LENGTH_MAX)}…` : plain || 'Docker gave no reason'
}
