/** A pod that waits for its image is tried again at once when what it waits for has come, and not only when its back-off has passed. */
import { type Container, canonicalImageName } from '@davit/api'
import type { Images } from '../images/index.ts'
import { specContainers } from './containers.ts'
import type { StartProblem } from './plan.ts'
import type { PodRuntime } from './runtime.ts'

const REASONS = new Set(['ErrImagePull', 'RegistryUnavailable', 'ErrImageNeverPull', 'ErrImageArchitecture'])

interface Waiting {
  runtime: PodRuntime
  spec: Container
  problem: StartProblem
}

/** True for reasons that a change of images or credentials can clear. */
function waitsForImage({ reason }: StartProblem): boolean {
  return REASONS.has(reason)
}

function waiting(runtimes: Iterable<PodRuntime>): Waiting[] {
  return [...runtimes].flatMap(runtime =>
    specContainers(runtime.pod).flatMap(({ spec }) => {
      const problem = runtime.problems.get(`start:${spec.name}`)
      return problem && waitsForImage(problem) ? [{ runtime, spec, problem }] : []
    }),
  )
}

/** Starts that failed for an image which is there now; their back-off is over. Gives the pods to look at. */
export function retryArrived(runtimes: Iterable<PodRuntime>, images: Pick<Images, 'list' | 'unsuitable'>, now: number): string[] {
  const failed = waiting(runtimes)
  if (failed.length === 0) return []
  const unsuitable = new Set(images.unsuitable)
  // A registry's image under policy Always is pulled whether it is here or not: its being here changes nothing.
  const local = new Set(images.list.flatMap(({ tags, digests }) => (digests.length === 0 ? tags : [])))
  const present = new Set(images.list.flatMap(({ id, tags, digests }) => [id, ...tags, ...digests]))
  return failed.flatMap(({ runtime, spec, problem }) => {
    const name = canonicalImageName(spec.image ?? '')
    const isThere = spec.imagePullPolicy === 'Always' ? local.has(name) : present.has(name)
    if (!isThere || unsuitable.has(name)) return []
    problem.retryAt = now
    return [runtime.uid]
  })
}

/** Starts that failed for want of an image whose pull Secrets have changed since they were last looked at. Gives the pods to look at. */
export async function retryChangedSecrets(
  runtimes: Iterable<PodRuntime>,
  images: Pick<Images, 'keyringVersion'>,
  now: number,
): Promise<string[]> {
  const uids: string[] = []
  for (const { runtime, problem } of waiting(runtimes)) {
    if (problem.reason !== 'ErrImagePull' || !runtime.pod.spec.imagePullSecrets?.length) continue
    const version = await images.keyringVersion(runtime.pod)
    const before = runtime.pullSecrets
    runtime.pullSecrets = version
    if (before === undefined || before === version) continue
    problem.retryAt = now
    uids.push(runtime.uid)
  }
  return uids
}
