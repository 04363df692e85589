import type { Deps } from './deps.ts'

const GRACE_MS = 10_000

/** Removes what is left of a pod that neither the API nor a checkpoint knows. */
export async function sweepOrphan(uid: string, deps: Deps, signal: AbortSignal): Promise<undefined> {
  const { docker, containers, log, checkpoints, volumes, network } = deps
  const left = containers.ofPod(uid)
  for (const info of left) {
    log.info({ container: info.name, pod: `${info.podNamespace}/${info.podName}` }, 'Removing a container of a pod that is gone')
    if (info.state === 'running') {
      await docker.killContainer(info.id, info.stopSignal)
      await Promise.race([containers.ended(info.id, signal), deps.clock.sleep(GRACE_MS, signal)])
    }
    await docker.removeContainer(info.id)
    await containers.refresh(info.id)
  }
  if (left.length === 0) return undefined
  await volumes.remove(checkpoints.podDir(uid))
  await checkpoints.remove(uid)
  network.release(uid)
  return undefined
}

/** Removes directories of pods that nobody knows, as a crash between a pod's end and its directory's leaves one. */
export async function sweepDirectories(isKnown: (uid: string) => boolean, { checkpoints, volumes, log }: Deps): Promise<void> {
  for (const uid of await checkpoints.uids()) {
    if (isKnown(uid)) continue
    try {
      await volumes.remove(checkpoints.podDir(uid))
      await checkpoints.remove(uid)
    } catch (err) {
      log.warn({ uid, err }, 'Cannot remove the directory of a pod that is gone')
    }
  }
}
