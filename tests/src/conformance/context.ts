/** What a case works with: a namespace of its own in the shared cluster, and the few moves that most cases make. */
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { type Container, type ContainerStatus, isPodReady, type Pod, type PodSpec, podKind, resourcePath } from '@davit/api'
import type { TestCluster } from '../cluster.ts'
import { ApiContext, type PodMeta } from './api-context.ts'
import { type ExecResult, execInPod } from './exec.ts'

/** A busybox container `main` that runs a shell script. */
export function shell(script: string, fields: Partial<Container> = {}): Container {
  return { name: 'main', image: 'busybox:1.36', command: ['sh', '-c', script], ...fields }
}

/** Runs until it is asked to end, and then does at once. */
export const HEEDS_TERM = 'trap "exit 0" TERM; while :; do sleep 0.2 & wait $!; done'

/** The status of a container of any sort; undefined while there is none. */
export function statusOf(pod: Pod | undefined, container = 'main'): ContainerStatus | undefined {
  const { initContainerStatuses = [], containerStatuses = [], ephemeralContainerStatuses = [] } = pod?.status ?? {}
  return [...initContainerStatuses, ...containerStatuses, ...ephemeralContainerStatuses].find(({ name }) => name === container)
}

export class CaseContext extends ApiContext<TestCluster> {
  ready(name: string, timeoutMs?: number): Promise<Pod> {
    return this.until(name, 'ready', pod => pod.status?.phase === 'Running' && isPodReady(pod) && pod, timeoutMs)
  }

  running(name: string, container = 'main'): Promise<Pod> {
    return this.until(name, 'running', pod => statusOf(pod, container)?.state?.running !== undefined && pod)
  }

  finished(name: string, timeoutMs?: number): Promise<Pod> {
    return this.until(name, 'finished', pod => (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') && pod, timeoutMs)
  }

  /** Starts a pod that runs until it is deleted, and waits until it is ready. */
  async start(name: string, spec: PodSpec, metadata?: PodMeta): Promise<Pod> {
    await this.create(name, spec, metadata)
    return this.ready(name)
  }

  /** Runs a pod to its end, which must be a good one; gives what its container `main` wrote. */
  async output(spec: PodSpec, { name = 'test', metadata = {} }: { name?: string; metadata?: PodMeta } = {}): Promise<string> {
    await this.create(name, { restartPolicy: 'Never', ...spec }, metadata)
    const pod = await this.finished(name)
    const output = await this.logs(name)
    assert.equal(pod.status?.phase, 'Succeeded', `${JSON.stringify(pod.status)}\n${output}`)
    return output
  }

  async logs(name: string, container = 'main', query: Record<string, string> = {}): Promise<string> {
    const path = resourcePath(podKind, { namespace: this.namespace, name }, 'log')
    const answer = await this.client.raw({ method: 'GET', path, query: { container, ...query } })
    const body = await text(answer.body)
    assert.equal(answer.status, 200, body)
    return body
  }

  /** Runs a program in a container of a running pod. */
  exec(name: string, command: readonly string[], container = 'main'): Promise<ExecResult> {
    return execInPod(this.client, { namespace: this.namespace, name, container, command })
  }

  /** What a shell script prints in a container, trimmed; it must succeed. */
  async inside(name: string, script: string, container?: string): Promise<string> {
    const { code, stdout, stderr } = await this.exec(name, ['sh', '-c', script], container)
    assert.equal(code, 0, `${script}: ${stdout}${stderr}`)
    return stdout.trim()
  }
}
