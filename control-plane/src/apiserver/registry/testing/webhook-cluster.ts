/** For tests only: a registry whose webhooks are one server of the test's own. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import {
  ApiError,
  type MutatingWebhook,
  mutatingWebhookConfigurationKind,
  notFound,
  type RuleWithOperations,
  serviceKind,
  validatingWebhookConfigurationKind,
  type Webhook,
} from '@davit/api'
import type { ServicePort } from '../../dial/index.ts'
import { startTestWebhook, type TestWebhook } from '../../webhooks/testing/index.ts'
import { startTestRegistry, type TestRegistry } from './test-registry.ts'

export interface WebhookCluster {
  readonly cluster: TestRegistry
  readonly hook: TestWebhook
  /** Services that were connected to. */
  readonly dialled: ServicePort[]
  /** One that the server answers at `path`. */
  webhook(path: string, more: Partial<MutatingWebhook>): MutatingWebhook
  validating(name: string, ...webhooks: Webhook[]): Promise<void>
  mutating(name: string, ...webhooks: MutatingWebhook[]): Promise<void>
  /** No configurations, no answers. */
  reset(): Promise<void>
  close(): Promise<void>
}

const API = 'admissionregistration.k8s.io/v1'

/** The server's certificate is good for hook.default.svc. Every Service but `gone` leads to it. */
export async function startWebhookCluster(): Promise<WebhookCluster> {
  const hook = await startTestWebhook(['hook.default.svc'])
  const dialled: WebhookCluster['dialled'] = []
  const cluster = await startTestRegistry({
    webhooks: () => ({
      dialService: async service => {
        if (service.name === 'gone') throw notFound(serviceKind, service.name)
        dialled.push(service)
        const socket = connect(hook.port, '127.0.0.1')
        await once(socket, 'connect')
        return socket
      },
      authorize: async (_user, { verb }) => ({ allowed: verb === 'get' }),
    }),
  })
  const validations = cluster.client.resource(validatingWebhookConfigurationKind)
  const mutations = cluster.client.resource(mutatingWebhookConfigurationKind)
  return {
    cluster,
    hook,
    dialled,
    webhook: (path, more) => ({
      name: `${path.slice(1)}.example.com`,
      clientConfig: { url: hook.url + path, caBundle: hook.caBundle },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      ...more,
    }),
    async validating(name, ...webhooks) {
      await validations.create({ apiVersion: API, kind: 'ValidatingWebhookConfiguration', metadata: { name }, webhooks })
    },
    async mutating(name, ...webhooks) {
      await mutations.create({ apiVersion: API, kind: 'MutatingWebhookConfiguration', metadata: { name }, webhooks })
    },
    async reset() {
      await mutations.deleteCollection({})
      await validations.deleteCollection({})
      hook.asked.length = 0
      hook.answers.clear()
      dialled.length = 0
    },
    async close() {
      await cluster[Symbol.asyncDispose]()
      hook.close()
    },
  }
}

export function rulesFor(resources: string[], operations: string[], apiGroups = [''], apiVersions = ['v1']): RuleWithOperations[] {
  return [{ operations, apiGroups, apiVersions, resources }]
}

/** What the write is refused with. */
export async function refused(write: Promise<unknown>): Promise<ApiError> {
  const error = await write.then(
    () => assert.fail('It was let through'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof ApiError)
  return error
}
