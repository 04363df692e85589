/** What single kinds do beyond their verbs: what admission makes of pods that name them, views of one object, what stays. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { CONTAINERS, EVENT } from './kind-samples.ts'
import { PATHS } from './manifests.ts'
import { type Json, metadataOf, movesWith, mustJson as must } from './moves.ts'

let plane: ControlPlane
before(async () => {
  plane = await startControlPlane({ args: ['--run', 'apiserver'] })
})
after(() => plane[Symbol.asyncDispose]())

const { send, post, patch, refused } = movesWith(() => plane)

const pod = (name: string, spec: Json = {}) => ({ metadata: { name }, spec: { ...CONTAINERS, ...spec } })
const CLASSES = { runtime: '/apis/node.k8s.io/v1/runtimeclasses', priority: '/apis/scheduling.k8s.io/v1/priorityclasses' }

describe('A RuntimeClass', () => {
  it('must be there for a pod that names it', async () => {
    await refused(
      PATHS.pods,
      pod('no-class', { runtimeClassName: 'absent' }),
      403,
      /pods "no-class" is forbidden: pod rejected: RuntimeClass "absent" not found/,
    )
    await post(CLASSES.runtime, { metadata: { name: 'fleeting' }, handler: 'x' })
    await must(send('DELETE', `${CLASSES.runtime}/fleeting`), 200)
    await refused(PATHS.pods, pod('no-class', { runtimeClassName: 'fleeting' }), 403, /RuntimeClass "fleeting" not found/)
  })

  it('gives its overhead and its nodes to pods', async () => {
    const toleration = { key: 'gpu', operator: 'Exists', effect: 'NoSchedule' }
    const overhead = { podFixed: { cpu: '10m', memory: '20Mi' } }
    const scheduling = { nodeSelector: { sandbox: 'yes' }, tolerations: [toleration] }
    await post(CLASSES.runtime, { metadata: { name: 'sandboxed' }, handler: 'runsc', overhead, scheduling })
    const { spec } = await post(PATHS.pods, pod('sandboxed', { runtimeClassName: 'sandboxed', nodeSelector: { zone: 'a' } }))
    const { tolerations, ...rest } = spec as { overhead: Json; nodeSelector: Json; tolerations: Json[] }
    assert.deepEqual(rest.overhead, overhead.podFixed)
    assert.deepEqual(rest.nodeSelector, { zone: 'a', sandbox: 'yes' })
    assert.deepEqual(
      tolerations.find(({ key }) => key === 'gpu'),
      toleration,
    )
    const other = { runtimeClassName: 'sandboxed', overhead: { cpu: '1' } }
    await refused(PATHS.pods, pod('other', other), 403, /Pod's Overhead doesn't match RuntimeClass's defined Overhead/)
    await refused(
      PATHS.pods,
      pod('other', { runtimeClassName: 'sandboxed', nodeSelector: { sandbox: 'no' } }),
      403,
      /conflict: runtimeClass.scheduling.nodeSelector\[sandbox\]/,
    )
    await refused(PATHS.pods, pod('other', { overhead: { cpu: '1' } }), 403, /Pod Overhead set without corresponding RuntimeClass/)
  })

  it('has a handler that is a name and stays', async () => {
    await refused(CLASSES.runtime, { metadata: { name: 'bad' }, handler: 'A B' }, 422, /handler: Invalid value: "A B"/)
    await refused(CLASSES.runtime, { metadata: { name: 'bad' } }, 422, /handler: Required value/)
    const put = await send('PUT', `${CLASSES.runtime}/sandboxed`, { metadata: { name: 'sandboxed' }, handler: 'other' })
    assert.match(put.message, /handler: Invalid value: "other": field is immutable/)
  })
})

describe('A PriorityClass', () => {
  it('of the system is there from the start and cannot be deleted', async () => {
    const { value } = await must(send('GET', `${CLASSES.priority}/system-node-critical`), 200)
    assert.equal(value, 2_000_001_000)
    const answer = await send('DELETE', `${CLASSES.priority}/system-cluster-critical`)
    assert.equal(answer.code, 403)
    assert.match(answer.message, /this is a system priority class and cannot be deleted/)
    await refused(
      CLASSES.priority,
      { metadata: { name: 'system-mine' }, value: 1 },
      422,
      /system-mine is not a known system priority class/,
    )
    await refused(
      CLASSES.priority,
      { metadata: { name: 'mine' }, value: 1_000_000_001 },
      422,
      /maximum allowed value of a user defined priority is 1000000000/,
    )
  })

  it('gives pods their number, one class to those that name none', async () => {
    await post(CLASSES.priority, { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' })
    const of = async (name: string, spec: Json) => {
      const made = await post(PATHS.pods, pod(name, spec))
      const { priority, preemptionPolicy, priorityClassName } = made.spec as Json
      return [priority, preemptionPolicy, priorityClassName]
    }
    assert.deepEqual(await of('plain', {}), [0, 'PreemptLowerPriority', undefined])
    assert.deepEqual(await of('high', { priorityClassName: 'high' }), [1000, 'Never', 'high'])
    await refused(PATHS.pods, pod('bad', { priorityClassName: 'absent' }), 403, /no PriorityClass with name absent was found/)
    await refused(PATHS.pods, pod('bad', { priority: 5 }), 403, /the integer value of priority \(5\) must not be provided in pod spec/)
    await post(CLASSES.priority, { metadata: { name: 'usual' }, value: 7, globalDefault: true })
    assert.deepEqual(await of('usual', {}), [7, 'PreemptLowerPriority', 'usual'])
    await refused(
      CLASSES.priority,
      { metadata: { name: 'second' }, value: 8, globalDefault: true },
      403,
      /PriorityClass usual is already marked as default for pods. Only one default can exist/,
    )
    await must(send('DELETE', `${CLASSES.priority}/usual`), 200)
  })

  it('keeps its number', async () => {
    const answer = await patch(`${CLASSES.priority}/high`, { value: 5 })
    assert.match(answer.message, /value: Forbidden: may not be changed in an update\./)
    await must(patch(`${CLASSES.priority}/high`, { description: 'better' }), 200)
  })
})

describe('The generation of a pod', () => {
  const generationOf = (object: Json) => metadataOf(object).generation
  it('starts at 1, rises with the spec only, and with the deletion', async () => {
    const body = { metadata: { name: 'counted', generation: 100 }, spec: { ...CONTAINERS, nodeName: 'n1' } }
    assert.equal(generationOf(await post(PATHS.pods, body)), 1)
    const path = `${PATHS.pods}/counted`
    const changed = (fields: Json, at = path) => must(patch(at, fields, 'strategic-merge-patch'), 200)
    assert.equal(generationOf(await changed({ metadata: { labels: { a: 'b' }, generation: 50 } })), 1)
    assert.equal(generationOf(await changed({ status: { message: 'x' } }, `${path}/status`)), 1)
    assert.equal(generationOf(await changed({ spec: { activeDeadlineSeconds: 3000 } })), 2)
    assert.equal(generationOf(await changed({ spec: { containers: [{ name: 'c', image: 'nginx:1.26' }] } })), 3)
    const ephemeral = { spec: { ephemeralContainers: [{ name: 'e', image: 'busybox:1.36' }] } }
    assert.equal(generationOf(await changed(ephemeral, `${path}/ephemeralcontainers`)), 4)
    assert.equal(generationOf(await must(send('DELETE', path), 200)), 5)
    assert.equal(generationOf(await must(send('GET', path), 200)), 5)
  })

  it('stays 1 when the pod gets a node', async () => {
    await post(PATHS.pods, pod('bound'))
    const binding = { metadata: { name: 'bound' }, target: { kind: 'Node', name: 'n1' } }
    await post(`${PATHS.pods}/bound/binding`, binding)
    assert.equal(generationOf(await must(send('GET', `${PATHS.pods}/bound`), 200)), 1)
  })
})

describe('A HorizontalPodAutoscaler', () => {
  const paths = { v1: '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers', v2: '' }
  paths.v2 = paths.v1.replace('v1', 'v2')
  const scaleTargetRef = { kind: 'Deployment', name: 'web' }

  it('is one object in two versions, of which version 2 is preferred', async () => {
    const { preferredVersion } = await must(send('GET', '/apis/autoscaling'), 200)
    assert.deepEqual(preferredVersion, { groupVersion: 'autoscaling/v2', version: 'v2' })
    await post(paths.v1, { metadata: { name: 'web' }, spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 60 } })
    const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }]
    const { apiVersion, spec } = await must(send('GET', `${paths.v2}/web`), 200)
    assert.deepEqual([apiVersion, spec], ['autoscaling/v2', { scaleTargetRef, minReplicas: 1, maxReplicas: 3, metrics }])
    const behavior = { scaleDown: { selectPolicy: 'Disabled' } }
    await must(patch(`${paths.v2}/web`, { spec: { behavior } }), 200)
    const patched = await must(patch(`${paths.v1}/web`, { spec: { targetCPUUtilizationPercentage: 70 } }), 200)
    assert.equal((patched.spec as Json).targetCPUUtilizationPercentage, 70)
    const whole = (await must(send('GET', `${paths.v2}/web`), 200)).spec as { behavior: { scaleDown: Json }; metrics: typeof metrics }
    assert.equal(whole.behavior.scaleDown.selectPolicy, 'Disabled')
    assert.equal(whole.metrics[0]?.resource.target.averageUtilization, 70)
    await must(send('DELETE', `${paths.v1}/web`), 200)
    await must(send('GET', `${paths.v2}/web`), 404)
  })
})

describe('An event', () => {
  const EVENTS = { core: '/api/v1/namespaces/default/events', own: '/apis/events.k8s.io/v1/namespaces/default/events' }

  it('told in one group is seen in the other', async () => {
    await post(EVENTS.own, { metadata: { name: 'own' }, ...EVENT })
    const { involvedObject, message, reportingComponent, apiVersion } = await must(send('GET', `${EVENTS.core}/own`), 200)
    assert.deepEqual([message, reportingComponent, apiVersion], [EVENT.note, EVENT.reportingController, 'v1'])
    assert.deepEqual(involvedObject, EVENT.regarding)
    const source = { component: 'kubelet', host: 'n1' }
    await post(EVENTS.core, { metadata: { name: 'core' }, involvedObject: EVENT.regarding, message: 'core', count: 2, source })
    const seen = await must(send('GET', `${EVENTS.own}/core`), 200)
    assert.deepEqual([seen.note, seen.deprecatedCount, seen.deprecatedSource, seen.apiVersion], ['core', 2, source, 'events.k8s.io/v1'])
    const selected = await must(
      send('GET', `${EVENTS.own}?fieldSelector=regarding.name%3Dweb,reportingController%3Dtest.io/controller`),
      200,
    )
    assert.deepEqual(
      (selected.items as Json[]).map(item => metadataOf(item).name),
      ['own'],
    )
    assert.equal((await send('GET', `${EVENTS.own}?fieldSelector=involvedObject.nope%3Dweb`)).code, 400)
  })

  it('counts its repetitions, and says nothing else than it said', async () => {
    const series = { count: 2, lastObservedTime: '2026-01-02T03:04:06.000000Z' }
    const patched = await must(patch(`${EVENTS.own}/own`, { series }, 'strategic-merge-patch'), 200)
    assert.deepEqual(patched.series, series)
    assert.deepEqual((await must(send('GET', `${EVENTS.core}/own`), 200)).series, series)
    const answer = await patch(`${EVENTS.own}/own`, { note: 'else' }, 'strategic-merge-patch')
    assert.equal(answer.code, 422, answer.text)
    assert.match(answer.message, /note: Invalid value: "else": field is immutable/)
  })

  it('needs what makes it useful', async () => {
    const wanted =
      /\[eventTime: Required value, reportingController: Required value, reportingInstance: Required value, action: Required value/
    await refused(EVENTS.own, { metadata: { name: 'empty' } }, 422, wanted)
    await refused(
      EVENTS.own,
      { metadata: { name: 'old' }, ...EVENT, deprecatedCount: 1 },
      422,
      /deprecatedCount: Forbidden: needs to be unset/,
    )
  })
})

describe('The API', () => {
  it('refuses empty keys of ConfigMaps and Secrets, and changes of immutable ones', async () => {
    for (const plural of ['configmaps', 'secrets']) {
      const path = `/api/v1/namespaces/default/${plural}`
      const value = (text: string) => (plural === 'secrets' ? Buffer.from(text).toString('base64') : text)
      await refused(path, { metadata: { name: 'empty' }, data: { '': value('x') } }, 422, /data\[\]: Invalid value: ""/)
      await post(path, { metadata: { name: 'fixed' }, data: { a: value('1') }, immutable: true })
      const change = (body: Json) => patch(`${path}/fixed`, body)
      for (const body of [{ data: { a: value('2') } }, { immutable: false }, { immutable: null }]) {
        const answer = await change(body)
        assert.match(answer.message, /field is immutable when `immutable` is set/, answer.text)
      }
      await must(change({ metadata: { labels: { a: 'b' } } }), 200)
      await must(send('DELETE', `${path}/fixed`), 200)
    }
  })

  it('refuses malformed names of sysctls', async () => {
    const sysctls = ['foo-', 'kernel.shmmax', 'safe-and-unsafe', 'bar..', ''].map(name => ({ name, value: '100' }))
    const answer = await send('POST', PATHS.pods, pod('sysctls', { securityContext: { sysctls } }))
    assert.equal(answer.code, 422)
    for (const name of ['foo-', 'bar..']) assert.ok(answer.message.includes(`Invalid value: "${name}"`), answer.message)
    assert.ok(!answer.message.includes('"kernel.shmmax"'), answer.message)
  })

  it('patches and replaces the status of a pod', async () => {
    await post(PATHS.pods, pod('status'))
    const path = `${PATHS.pods}/status/status`
    const condition = { type: 'Mine', status: 'True' }
    const patched = await must(patch(path, { status: { conditions: [condition], message: 'patched' } }, 'strategic-merge-patch'), 200)
    assert.equal((patched.status as Json).message, 'patched')
    const replaced = await must(send('PUT', path, { ...patched, status: { ...(patched.status as Json), message: 'replaced' } }), 200)
    const status = replaced.status as { message: string; conditions: Json[] }
    assert.equal(status.message, 'replaced')
    assert.ok(status.conditions.some(({ type }) => type === 'Mine'))
    assert.deepEqual((await must(send('GET', path), 200)).status, replaced.status)
  })

  it('keeps the status of a VolumeAttachment apart', async () => {
    const path = '/apis/storage.k8s.io/v1/volumeattachments'
    const spec = { attacher: 'driver.test.io', nodeName: 'n', source: { persistentVolumeName: 'pv' } }
    const made = await post(path, { metadata: { name: 'status' }, spec, status: { attached: true } })
    assert.deepEqual(made.status, { attached: false })
    const patched = await must(patch(`${path}/status/status`, { status: { attached: true } }), 200)
    assert.deepEqual(patched.status, { attached: true })
    assert.equal((await patch(`${path}/status`, { spec: { nodeName: 'other' } })).code, 422)
  })
})
