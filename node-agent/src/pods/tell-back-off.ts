import { specContainers } from './containers.ts'
import type { Deps } from './deps.ts'
import type { Observed } from './plan.ts'
import type { PodRuntime } from './runtime.ts'
import { BACKING_OFF } from './status.ts'

/** An image error shows its first name for this long. */
const FIRST_ERROR_MS = 1_600

/** Events of pulls and containers that are tried again later, each told once. */
export function tellBackOff(
  runtime: PodRuntime,
  { checkpoint, problems, now }: Observed,
  { deps, wake }: { deps: Deps; wake: (uid: string, delayMs: number) => void },
): void {
  const { pod, status } = checkpoint
  for (const { spec } of specContainers(pod)) {
    const problem = problems.get(`start:${spec.name}`)
    if (!problem || !BACKING_OFF[problem.reason] || runtime.told.has(`${spec.name} ${problem.since}`)) continue
    const inMs = problem.since + FIRST_ERROR_MS - now
    if (inMs > 0) {
      wake(runtime.uid, inMs)
      continue
    }
    runtime.told.add(`${spec.name} ${problem.since}`)
    deps.events.normal(pod, 'BackOff', `Back-off pulling image "${spec.image}"`)
    deps.events.warning(pod, 'Failed', 'Error: ImagePullBackOff')
  }
  for (const { name, state, containerID } of [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]) {
    if (state?.waiting?.reason !== 'CrashLoopBackOff' || !containerID || runtime.told.has(containerID)) continue
    runtime.told.add(containerID)
    const { name: podName, namespace, uid } = pod.metadata
    deps.events.warning(pod, 'BackOff', `Back-off restarting failed container ${name} in pod ${podName}_${namespace}(${uid})`)
  }
}
