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
  '.ID',
  '.State',
  ...[DOCKER_LABELS.podUid, DOCKER_LABELS.container, DOCKER_LABELS.attempt, DOCKER_LABELS.podNamespace, DOCKER_LABELS.podName].map(
    label => `.Label "${label}"`,
  ),
].map(field => `{{${field}}}`)

/** All containers of pods on the host, sandboxes among them. */
export async function listContainers(host: DockerHost): Promise<FoundContainer[]> {
  const args = ['ps', '--all', '--no-trunc', '--filter', `label=${DOCKER_LABELS.podUid}`, '--format', FIELDS.join('|')]
  const { stdout } = await command('docker', ['-H', `unix://${host.socket}`, ...args], { timeoutMs: 20_000 })
  return stdout.split('\n').flatMap(line => {
    const [id = '', state, uid = '', container = '', attempt, namespace, name] = line.split('|')
    const key = `${namespace}/${name} ${container} (${uid})`
    return id ? [{ id, uid, container, attempt: Number(attempt), running: state === 'running', key }] : []
  })
}
