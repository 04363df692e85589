import { DOCKER_LABELS } from '@davit/api'
import { command, type DockerHost } from '@davit/deploy'

/** A pod's container as Docker has it. */
export interface FoundContainer {
  id: string
  uid: string
  container: string
  attempt: number
  running: boolean
  /** Names the pod's container, whichever attempt it is. */
  key: string
}

const FIELDS = [
  '.Id',
  '.State.Running',
  ...[DOCKER_LABELS.podUid, DOCKER_LABELS.container, DOCKER_LABELS.attempt, DOCKER_LABELS.podNamespace, DOCKER_LABELS.podName].map(
    label => `index .Config.Labels "${label}"`,
  ),
].map(field => `{{${field}}}`)

/** All containers of pods on the host, sandboxes among them. */
export async function listContainers(host: DockerHost): Promise<FoundContainer[]> {
  const docker = (...args: string[]) =>
    command('docker', ['-H', `unix://${host.socket}`, ...args], { timeoutMs: 20_000, allowFailure: true })
  const listed = await docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=${DOCKER_LABELS.podUid}`)
  if (listed.code !== 0) throw new Error(`Cannot list containers: ${listed.stderr}`)
  const ids = listed.stdout.split('\n').filter(Boolean)
  if (ids.length === 0) return []
  // The list itself is as old as what Docker last got onto its disk.
  const { stdout } = await docker('inspect', '--format', FIELDS.join('|'), ...ids)
  return stdout.split('\n').flatMap(line => {
    const [id = '', running, uid = '', container = '', attempt, namespace, name] = line.split('|')
    const key = `${namespace}/${name} ${container} (${uid})`
    return id ? [{ id, uid, container, attempt: Number(attempt), running: running === 'true', key }] : []
  })
}
