/** Namespaces as objects, and what their deletion takes with it. */
import assert from 'node:assert/strict'
import { type Namespace, namespaceKind, type Service, serviceKind } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import { assertHas } from '../assert-has.ts'
import type { Case } from '../case.ts'
import type { PlaneContext } from '../plane-context.ts'
import { kindLife, untilNames, updateMetadata } from './kind-life.ts'

const FINALIZER = 'example.com/hold'
const namespaces = (context: ApiContext) => kindLife(context, '/Namespace', () => ({}))

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'A namespace can be patched with a label',
    run: async context => {
      const life = namespaces(context)
      await life.make('one')
      await life.resource.patch(life.target('one'), { type: 'strategic', body: { metadata: { labels: { testLabel: 'testValue' } } } })
      const { metadata } = await life.resource.get(life.target('one'))
      assertHas(metadata.labels, { testLabel: 'testValue', 'kubernetes.io/metadata.name': life.target('one').name })
      await life.resource.delete(life.target('one'))
    },
  },
  {
    row: 'A namespace can be updated',
    run: async context => {
      const life = namespaces(context)
      await life.make('one')
      await updateMetadata(life, 'one', { updated: 'yes' })
      assert.equal((await life.resource.get(life.target('one'))).metadata.annotations?.updated, 'yes')
      await life.resource.delete(life.target('one'))
      await untilNames(life, [])
    },
  },
  {
    row: 'Namespace status can be read, patched and updated; phase is Active',
    run: async context => {
      const life = namespaces(context)
      const { name } = life.target('one')
      const made = (await life.make('one')) as Namespace
      assert.equal(made.status?.phase, 'Active')
      const path = `/api/v1/namespaces/${name}/status`
      const condition = (reason: string) => ({ type: 'Test', status: 'False', reason, message: 'of a test' })
      const headers = { 'content-type': 'application/merge-patch+json' }
      const patched = await context.must(200, { method: 'PATCH', path, headers, body: { status: { conditions: [condition('Patched')] } } })
      assertHas(patched.status, { phase: 'Active', conditions: [condition('Patched')] })
      const read = (await context.read(path)) as unknown as Namespace
      assertHas(read.status, { phase: 'Active', conditions: [condition('Patched')] })
      const body = { ...read, status: { ...read.status, conditions: [condition('Patched'), { ...condition('Updated'), type: 'Other' }] } }
      const updated = await context.must(200, { method: 'PUT', path, body })
      assertHas(updated.status, { phase: 'Active', conditions: [condition('Patched'), { type: 'Other', reason: 'Updated' }] })
      await life.resource.delete(life.target('one'))
    },
  },
  {
    row: 'A custom finalizer can be added to and removed from a namespace via finalize',
    run: async context => {
      const life = namespaces(context)
      const { name } = life.target('one')
      const made = (await life.make('one')) as Namespace
      assert.deepEqual(made.spec?.finalizers, ['kubernetes'])
      const finalize = async (finalizers: string[]) => {
        const body = { ...(await life.resource.get(life.target('one'))), spec: { finalizers } }
        const { spec } = await context.must(200, { method: 'PUT', path: `/api/v1/namespaces/${name}/finalize`, body })
        assert.deepEqual(spec, { finalizers })
      }
      await finalize(['kubernetes', FINALIZER])
      await life.resource.delete(life.target('one'))
      // Emptied and let go by the controller, and still held.
      const held = await context.cluster.until(namespaceKind, `${name} to be held by ${FINALIZER}`, all =>
        all.find(({ metadata, spec }) => metadata.name === name && spec?.finalizers?.join() === FINALIZER),
      )
      assert.equal(held.status?.phase, 'Terminating')
      await context.must(200, {
        method: 'PUT',
        path: `/api/v1/namespaces/${name}/finalize`,
        body: { ...held, spec: { finalizers: [] } },
      })
      await untilNames(life, [])
    },
  },
  {
    row: 'Deleting a namespace removes its services',
    run: async context => {
      const life = namespaces(context)
      const { name: namespace } = life.target('one')
      await life.make('one')
      const metadata = { name: 'web', namespace }
      const services = context.resource(serviceKind)
      await services.create({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [{ port: 80 }] } } as Service)
      await life.resource.delete(life.target('one'))
      await untilNames(life, [])
      await life.make('one')
      await assert.rejects(services.get(metadata), { reason: 'NotFound' })
      assert.deepEqual((await services.list({ namespace })).items, [])
      await life.resource.delete(life.target('one'))
    },
  },
]
