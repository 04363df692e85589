/** What keeps pods, without a node to run them. */
import { type ReplicationController, replicationControllerKind, resourceQuotaKind } from '@davit/api'
import type { ApiContext } from '../api-context.ts'
import type { Case } from '../case.ts'

const failureOf = ({ status }: ReplicationController) => status?.conditions?.find(({ type }) => type === 'ReplicaFailure')

export const cases: readonly Case<ApiContext>[] = [
  {
    row: 'RC reports a failure condition when quota blocks its pods',
    run: async context => {
      const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: context.named('two'), spec: { hard: { pods: '2' } } }
      await context.resource(resourceQuotaKind).create(quota)
      await context.cluster.until(resourceQuotaKind, `the quota of ${context.namespace} to be counted`, quotas =>
        quotas.some(({ metadata, status }) => metadata.namespace === context.namespace && status?.hard?.pods === '2'),
      )
      const labels = { app: 'web' }
      const template = { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'busybox:1.36' }] } }
      const spec = { replicas: 3, selector: labels, template }
      const controllers = context.resource(replicationControllerKind)
      await controllers.create({ apiVersion: 'v1', kind: 'ReplicationController', metadata: context.named('web'), spec })
      const until = (what: string, is: (controller: ReplicationController) => boolean) =>
        context.cluster.until(replicationControllerKind, `${what} in ${context.namespace}`, all =>
          all.find(each => each.metadata.namespace === context.namespace && is(each)),
        )
      await until('a failure', controller => {
        const { status, reason, message = '' } = failureOf(controller) ?? {}
        return status === 'True' && reason === 'FailedCreate' && /exceeded quota: two/.test(message) && controller.status?.replicas === 2
      })
      const target = { name: 'web', namespace: context.namespace }
      await controllers.patch(target, { type: 'merge', body: { spec: { replicas: 2 } } }, { subresource: 'scale' })
      await until('no failure', controller => failureOf(controller) === undefined && controller.status?.replicas === 2)
    },
  },
]
