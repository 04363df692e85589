/** Takes away what an agent leaves behind on purpose when it stops: containers, network, rules, mounts, the data plane. */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { DOCKER_LABELS, type Logger } from '@davit/api'
import { stopDataPlane } from './data-plane/index.ts'
import { connectDocker } from './docker/index.ts'
import { readIdentity } from './identity/index.ts'
import { cleanupNetwork } from './network/index.ts'
import type { AgentOptions } from './options.ts'
import { cleanUpVolumes } from './volumes/index.ts'

/** Flag of whoever wants the data of claims gone, too. */
export const REMOVE_VOLUMES = '--remove-volumes'

/** Does as much as can be done, and rejects at the end with what could not. Data of claims stays unless `removeVolumes`. */
export async function cleanUp(
  { dataDir, dockerSocket, networkName, nodeName }: AgentOptions,
  { log, removeVolumes }: { log: Logger; removeVolumes: boolean },
): Promise<void> {
  const failures: unknown[] = []
  const step = async (what: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (err) {
      log.error({ err }, `Cannot ${what}`)
      failures.push(err)
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
    await step('remove the containers', async () => {
      for (const { id } of await docker.listContainers()) await docker.removeContainer(id)
    })
  }
  await step('remove the network', () => cleanupNetwork({ name: networkName, ...(docker && { docker: docker.raw }) }))
  await step('unmount the volumes', async () => {
    const dir = await realpath(dataDir).catch(() => dataDir)
    const { directory, names, dockerVolumes } = await cleanUpVolumes(dir, { docker: identity && docker, removeData: removeVolumes })
    if (names.length + dockerVolumes.length === 0) return
    log.warn({ directory, names, dockerVolumes }, 'The data of claims stays; --remove-volumes deletes it')
  })
  log.info({ label: DOCKER_LABELS.cluster, clusterId: identity?.clusterId }, 'Cleaned up')
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be cleaned up')
}
