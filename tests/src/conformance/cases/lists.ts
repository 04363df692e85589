/** Lists in pages. */
import assert from 'node:assert/strict'
import { ApiError, type KubernetesList, type KubernetesObject } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'
import type { PlaneContext } from '../plane-context.ts'
import { type KindLife, kindLife } from './kind-life.ts'

const COUNT = 40
const LIMIT = 15

const templates = (context: ApiContext) =>
  kindLife(context, '/PodTemplate', () => ({ template: { spec: { containers: [{ name: 'main', image: 'busybox:1.36' }] } } }))

const names = ({ items }: KubernetesList<KubernetesObject>) => items.map(({ metadata }) => metadata.name ?? '')
const page = ({ resource, context: { namespace } }: KindLife, token?: string) =>
  resource.list({ namespace, limit: LIMIT, ...(token && { continue: token }) })

async function makeMany(life: KindLife): Promise<string[]> {
  const wanted = Array.from({ length: COUNT }, (_, at) => `template-${String(at).padStart(4, '0')}`)
  await Promise.all(wanted.map(name => life.make(name)))
  return wanted
}

export const cases: readonly Case<PlaneContext>[] = [
  {
    row: 'Limited lists return pages with remaining counts, a stable resourceVersion and a continue token',
    run: async context => {
      const life = templates(context)
      const wanted = await makeMany(life)
      const first = await page(life)
      const { resourceVersion = '' } = first.metadata
      assert.deepEqual([names(first), first.metadata.remainingItemCount], [wanted.slice(0, LIMIT), COUNT - LIMIT])
      // What happens meanwhile is not seen by those who go on.
      await life.make('template-0020-new')
      await life.resource.delete({ namespace: context.namespace, name: 'template-0030' })
      const second = await page(life, first.metadata.continue)
      assert.deepEqual([names(second), second.metadata.remainingItemCount], [wanted.slice(LIMIT, 2 * LIMIT), COUNT - 2 * LIMIT])
      const third = await page(life, second.metadata.continue)
      assert.deepEqual(
        [names(third), third.metadata.remainingItemCount, third.metadata.continue || undefined],
        [wanted.slice(2 * LIMIT), undefined, undefined],
      )
      assert.deepEqual([second.metadata.resourceVersion, third.metadata.resourceVersion], [resourceVersion, resourceVersion])

      const whole = await life.resource.list({ namespace: context.namespace, resourceVersion, resourceVersionMatch: 'Exact' })
      assert.deepEqual([names(whole), whole.metadata.remainingItemCount], [wanted, undefined])
    },
  },
  {
    row: 'An expired continue token returns 410 plus an inconsistent-continue token that resumes the list',
    // Lists that others go on with would end, too.
    alone: true,
    run: async context => {
      const life = templates(context)
      const wanted = await makeMany(life)
      const first = await page(life)
      await life.resource.delete({ namespace: context.namespace, name: 'template-0020' })
      await context.cluster.forgetThePast()
      let token = ''
      await assert.rejects(page(life, first.metadata.continue), (error: unknown) => {
        assert.ok(error instanceof ApiError)
        assert.deepEqual([error.code, error.reason], [410, 'Expired'])
        assert.match(error.message, /Continuing with the provided token results in an inconsistent list/)
        token = error.status.metadata.continue ?? ''
        return true
      })
      assert.notEqual(token, '')
      const second = await page(life, token)
      assert.notEqual(second.metadata.resourceVersion, first.metadata.resourceVersion)
      const third = await page(life, second.metadata.continue)
      const left = wanted.filter(name => name !== 'template-0020').slice(LIMIT)
      assert.deepEqual([...names(second), ...names(third)], left)
      assert.equal(third.metadata.resourceVersion, second.metadata.resourceVersion)
      assert.equal(third.metadata.continue || undefined, undefined)
    },
  },
]
