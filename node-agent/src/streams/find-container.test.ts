import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ContainerInfo } from '../docker/index.ts'
import { findForLog, findRunning, type PodContainers, pidInNetwork } from './find-container.ts'

const name = { podName: 'web', podUid: 'u', container: 'main' }

function info(id: string, change: Partial<ContainerInfo> = {}): ContainerInfo {
  return { id, container: 'main', state: 'exited', startedAt: 1, pid: 0, ...change } as ContainerInfo
}

function pod(attempts: ContainerInfo[], waiting?: string): PodContainers {
  return { ofPod: () => attempts, waitingReason: () => waiting }
}

test('findForLog() takes the newest attempt that ran', () => {
  const containers = pod([info('a'), info('b', { state: 'running' }), info('c', { state: 'created', startedAt: undefined })])
  assert.equal(findForLog(containers, name, false).id, 'b')
  assert.equal(findForLog(containers, name, true).id, 'a')
})

test('findForLog() says why there is nothing yet', () => {
  const words = (reason?: string) => {
    try {
      findForLog(pod([], reason), name, false)
    } catch (err) {
      return (err as Error).message
    }
  }
  assert.equal(words(), 'container "main" in pod "web" is waiting to start: ContainerCreating')
  assert.equal(words('CrashLoopBackOff'), 'container "main" in pod "web" is waiting to start: CrashLoopBackOff')
  assert.equal(words('ErrImagePull'), 'container "main" in pod "web" is waiting to start: image can\'t be pulled')
  assert.equal(words('ImagePullBackOff'), 'container "main" in pod "web" is waiting to start: trying and failing to pull image')
})

test('findForLog() of the previous attempt: the crash itself while the next one waits', () => {
  assert.equal(findForLog(pod([info('a')], 'CrashLoopBackOff'), name, true).id, 'a')
  assert.throws(() => findForLog(pod([info('a', { state: 'running' })]), name, true), {
    message: 'previous terminated container "main" in pod "web" not found',
  })
  assert.throws(() => findForLog(pod([info('a')]), name, true), /previous terminated/)
})

test('findRunning() wants a running one of that name', () => {
  assert.equal(findRunning(pod([info('a'), info('b', { state: 'running' })]), name).id, 'b')
  assert.throws(() => findRunning(pod([info('a'), info('b', { state: 'running', container: 'other' })]), name), {
    message: 'unable to upgrade connection: container not found ("main")',
  })
})

test('pidInNetwork() prefers the sandbox, then whatever runs', () => {
  const main = info('a', { state: 'running', pid: 10 })
  assert.equal(pidInNetwork(pod([info('s', { container: 'POD', state: 'running', pid: 5 }), main]), 'u'), 5)
  assert.equal(pidInNetwork(pod([main]), 'u'), 10)
  assert.equal(pidInNetwork(pod([info('a')]), 'u'), undefined)
})
