/** What tests of volumes do in a world: pods that mount, claims and their volumes, and a look at what is left on the machine. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type Container,
  isPodReady,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type PersistentVolumeSpec,
  type Pod,
  type PodSpec,
  persistentVolumeClaimKind,
  persistentVolumeKind,
  type Volume,
  type VolumeMount,
} from '@davit/api'
import { claimsDirectory } from '../volumes/index.ts'
import { containerId, type TestAgent, type TestWorld } from './test-agent.ts'

const HEEDS_TERM = 'trap "exit 0" TERM; while :; do sleep 0.2 & wait $!; done'

/** Where the volume of `data` is mounted. */
export const AT_DATA = [{ name: 'data', mountPath: '/data' }]

/** It runs, and all of it is ready. */
export const isReady = (pod: Pod | undefined) => pod !== undefined && pod.status?.phase === 'Running' && isPodReady(pod)
/** The status of its one container. */
export const main = (pod: Pod | undefined) => pod?.status?.containerStatuses?.find(({ name }) => name === 'main')

/** A pod of one container that mounts this. */
export function spec(
  mounts: VolumeMount[],
  volumes: Volume[],
  { container = {}, ...more }: Partial<PodSpec> & { container?: Partial<Container> } = {},
): PodSpec {
  return {
    terminationGracePeriodSeconds: 1,
    volumes,
    containers: [{ name: 'main', image: 'busybox:1.36', command: ['sh', '-c', HEEDS_TERM], volumeMounts: mounts, ...container }],
    ...more,
  }
}

/** A claim as a volume of the name that AT_DATA mounts. */
export const data = (claimName: string): Volume => ({ name: 'data', persistentVolumeClaim: { claimName } })

/** Steps of tests. `now` gives the world, and the agent that runs in it when the step is taken. */
export function volumeSteps(now: () => { world: TestWorld; agent: TestAgent }) {
  const run = async (name: string, wanted: PodSpec) => {
    const { world } = now()
    await world.create(name, wanted)
    return world.until(name, isReady)
  }
  const remove = async (...names: string[]) => {
    const { world } = now()
    for (const name of names) await world.delete(name)
    for (const name of names) await world.until(name, gone => gone === undefined)
  }
  const inside = async (name: string, script: string) => {
    const { world, agent } = now()
    const pod = await world.get(name)
    const { output } = await agent.docker.exec(await containerId(agent, pod), ['sh', '-c', script], { timeoutMs: 5_000 })
    return output.trim()
  }
  /** Waits for an Event of the pod; its message. */
  const told = async (name: string, reason: string, text: string) => {
    const { world } = now()
    const find = () => world.events.find(event => event.pod === name && event.reason === reason && event.message.includes(text))
    await world.eventually(`an event ${reason} of ${name} with "${text}"`, () => find() !== undefined)
    return find()?.message ?? ''
  }

  const claims = () => now().world.api.resource(persistentVolumeClaimKind)
  const createClaim = (name: string, fields: Partial<PersistentVolumeClaim['spec']> = {}) =>
    claims().create({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], ...fields },
    })
  /** What the controllers do: a volume for the claim, and both told of each other. */
  const bind = async (
    claim: PersistentVolumeClaim,
    source: Partial<PersistentVolumeSpec>,
    { provisioned = false, name = `pvc-${claim.metadata.uid}` } = {},
  ): Promise<PersistentVolume> => {
    const { api } = now().world
    const volume = await api.resource(persistentVolumeKind).create({
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: {
        name,
        labels: { 'kubernetes.io/hostname': 'test' },
        ...(provisioned && { annotations: { 'pv.kubernetes.io/provisioned-by': 'davit.dev/local' } }),
      },
      spec: {
        persistentVolumeReclaimPolicy: 'Delete',
        claimRef: { name: claim.metadata.name ?? '', namespace: 'default', ...(claim.metadata.uid && { uid: claim.metadata.uid }) },
        ...source,
      },
    })
    await claims().update({ ...claim, spec: { ...claim.spec, volumeName: name }, status: { phase: 'Bound' as const } })
    return volume
  }
  /** A claim with a directory of its own, as the provisioner makes it. */
  const provision = async (name: string, fields: Partial<PersistentVolumeClaim['spec']> = {}) => {
    const claim = await createClaim(name, fields)
    const path = join(claimsDirectory(now().world.dataDir), `pvc-${claim.metadata.uid}`)
    return bind(claim, { local: { path } }, { provisioned: true })
  }

  /** How many mounts there are below the agent's directory. */
  const mountTable = async () => {
    const { dataDir } = now().world
    return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter(line => line.includes(dataDir)).length
  }
  const entries = async (dir: string) => (await readdir(join(now().world.dataDir, dir)).catch(() => [])).length

  return { run, remove, inside, told, createClaim, bind, provision, mountTable, entries }
}
