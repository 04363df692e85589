/** Makers of plain values for this room's tests of pure functions. */
import type { Container, Pod, PodSpec } from '@davit/api'
import { type ContainerInfo, SANDBOX } from '../docker/index.ts'
import type { Checkpoint, ContainerRecord, Ended } from './checkpoint.ts'
import { imageHash } from './containers.ts'
import type { Observed } from './plan.ts'

export function container(name: string, fields: Partial<Container> = {}): Container {
  return { name, image: 'app:1', ...fields }
}

export function pod(spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', uid: '0a1b2c3d-0000-4000-8000-000000000000', ...metadata },
    spec: { containers: [container('main')], restartPolicy: 'Always', ...spec },
  }
}

/** One of the pod's Docker containers; running in the pod's own network unless said otherwise. */
export function info(name: string, fields: Partial<ContainerInfo> = {}): ContainerInfo {
  const attempt = fields.attempt ?? 0
  return {
    id: `${name}-${attempt}`,
    name: `davit_${name}_${attempt}`,
    podUid: '0a1b2c3d-0000-4000-8000-000000000000',
    podNamespace: 'shop',
    podName: 'web',
    container: name,
    attempt,
    hash: imageHash('app:1'),
    image: 'app:1',
    imageId: 'sha256:1',
    state: 'running',
    pid: 100,
    exitCode: 0,
    error: '',
    oomKilled: false,
    createdAt: 1_000,
    startedAt: 1_000,
    finishedAt: undefined,
    networkMode: 'davit',
    address: '10.244.0.2',
    macAddress: '02:42:0a:f4:00:02',
    tty: false,
    openStdin: false,
    stopSignal: 'SIGTERM',
    limits: undefined,
    ...fields,
  }
}

export const sandbox = (fields: Partial<ContainerInfo> = {}) => info(SANDBOX, fields)
export const joined = (name: string, fields: Partial<ContainerInfo> = {}) =>
  info(name, { networkMode: `container:${SANDBOX}-0`, ...fields })

export function ended(exitCode: number, fields: Partial<Ended> = {}): Ended {
  return { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', startedAt: 1_000, finishedAt: 2_000, containerId: 'main-0', ...fields }
}

export function record(name: string, fields: Partial<ContainerRecord> = {}): ContainerRecord {
  const attempt = fields.attempt ?? 0
  return { attempt, containerId: `${name}-${attempt}`, sandbox: 0, imageId: 'sha256:1', crashes: attempt, ...fields }
}

export function checkpoint(of: Pod, fields: Partial<Checkpoint> = {}): Checkpoint {
  return { format: 1, pod: of, records: {}, sandboxAttempt: -1, address: '10.244.0.2', startedAt: 0, ...fields }
}

export function observed(fields: Partial<Observed> & { checkpoint: Checkpoint }): Observed {
  return {
    leaving: false,
    prepared: true,
    containers: [],
    busy: new Set(),
    problems: new Map(),
    probes: new Map(),
    endedAt: new Map(),
    now: 100_000,
    deadlineInMs: undefined,
    ...fields,
  }
}
