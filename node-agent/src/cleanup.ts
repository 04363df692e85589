/** Takes away what an agent leaves behind on purpose when it stops: containers, network, rules, mounts, the data plane. */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { DOCKER_LABELS, type Logger, systemClock } from '@davit/api'
import { stopDataPlane } from './data-plane/index.ts'
import { connectDocker, type Docker } from './docker/index.ts'
import { readIdentity } from './identity/index.ts'
import { cleanupNetwork } from './network/index.ts'
import type { AgentOptions } from './options.ts'
import { cleanUpVolumes } from './volumes/index.ts'

/** Flag of whoever wants the data of claims gone, too. */
export const REMOVE_VOLUMES = '--remove-volumes'

const REMOVE_MS_MAX = 60_000
const LOOK_MS = 100

/** Does as much as can be done, and rejects at the end with what could not. Data of claims stays unless `removeVolumes`. */
export async function cleanUp(
  { dataDir, dockerSocket, networkName, nodeName }: AgentOptions,
  { log, removeVolumes }: { log: Logger; removeVolumes: boolean },
): Promise<void> {
  const failures: Error[] = []
  const step = async (what: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (err) {
      log.error({ err }, `Cannot ${what}`)
      failures.push(new Error(`Cannot ${what}: ${err instanceof Error ? err.message : String(err)}`, { cause: err }))
    }
  }
  const identity = await readIdentity(join(dataDir, 'identity')).catch(() => undefined)
  const docker = await connectDocker({
    socketPath: dockerSocket,
    clusterId: identity?.clusterId ?? '',
    nodeName: identity?.nodeName ?? nodeName,
    log,
  }).catch(() => undefined)
  if (!docker) log.warn({ dockerSocket }, 'Docker does not answer: its containers and network stay')

  await step('stop the data plane', () => stopDataPlane(join(dataDir, 'data-plane')))
  // Without an identity nothing says which containers are ours.
  if (docker && identity) {
    await step('remove the containers', () => removeContainers(docker))
  }
  await step('remove the network', () => cleanupNetwork({ name: networkName, ...(docker && { docker: docker.raw }) }))
  await step('unmount the volumes', async () => {
    const dir = await realpath(dataDir).catch(() => dataDir)
    const { directory, names, dockerVolumes } = await cleanUpVolumes(dir, { docker: identity && docker, removeData: removeVolumes })
    if (names.length + dockerVolumes.length === 0) return
    log.warn({ directory, names, dockerVolumes }, 'The data of claims stays; --remove-volumes deletes it')
  })
  log.info({ label: DOCKER_LABELS.cluster, clusterId: identity?.clusterId }, 'Cleaned up')
  if (failures.length > 0)
    throw new AggregateError(failures, `Not everything could be cleaned up. ${failures.map(({ message }) => message).join('. ')}`)
}

/** Resolves once they are gone: one whose removal an agent had begun takes a moment more, and holds on to the network. */
async function removeContainers(docker: Docker): Promise<void> {
  const deadline = systemClock.monotonic() + REMOVE_MS_MAX
  for (;;) {
    const left = await docker.listContainers()
    if (left.length === 0) return
    if (systemClock.monotonic() > deadline) throw new Error(`${left.length} are still there after ${REMOVE_MS_MAX / 1000} s`)
    for (const { id } of left) await docker.removeContainer(id)
    await systemClock.sleep(LOOK_MS)
  }
}
