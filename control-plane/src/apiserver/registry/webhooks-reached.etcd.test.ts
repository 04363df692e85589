/** How webhooks are reached, and what happens when they are not. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { configMapKind, validatingWebhookConfigurationKind } from '@davit/api'
import { configMap } from './testing/index.ts'
import { refused, rulesFor, startWebhookCluster, type WebhookCluster } from './testing/webhook-cluster.ts'

let running: WebhookCluster
let cluster: WebhookCluster['cluster']
let dialled: WebhookCluster['dialled']
let hook: WebhookCluster['hook']
let validating: WebhookCluster['validating']
let webhook: WebhookCluster['webhook']
before(async () => {
  running = await startWebhookCluster()
  ;({ cluster, dialled, hook, validating, webhook } = running)
})
after(() => running.close())
beforeEach(() => running.reset())

const configMaps = () => cluster.client.resource(configMapKind)

test('Webhook timeoutSeconds combined with failurePolicy decides whether a slow hook fails or is ignored', async () => {
  const rules = rulesFor(['configmaps'], ['CREATE'])
  await validating('slow', webhook('/slow', { rules, timeoutSeconds: 1 }))
  const error = await refused(configMaps().create(configMap('slow')))
  assert.equal(
    error.message,
    `Internal error occurred: failed calling webhook "slow.example.com": failed to call webhook: Post "${hook.url}/slow?timeout=1s": context deadline exceeded`,
  )
  assert.equal(error.code, 500)
  const target = { name: 'slow' }
  const body = { webhooks: [{ name: 'slow.example.com', failurePolicy: 'Ignore' }] }
  await cluster.client.resource(validatingWebhookConfigurationKind).patch(target, { type: 'strategic', body })
  assert.equal((await configMaps().create(configMap('slow'))).metadata.name, 'slow')
})

test('An unreachable webhook (no CA bundle) with failurePolicy Fail denies every matching request', async () => {
  hook.answers.set('/open', () => ({}))
  await validating('closed', webhook('/open', { rules: rulesFor(['configmaps'], ['CREATE']), clientConfig: { url: `${hook.url}/open` } }))
  assert.match((await refused(configMaps().create(configMap('closed')))).message, /x509: certificate signed by unknown authority$/)
  assert.equal(hook.asked.length, 0)
})

test('a Service is dialled at the port that is asked for, and must show a certificate for its name', async () => {
  hook.answers.set('/behind', () => ({ allowed: false, status: { message: 'from the pod' } }))
  const rules = rulesFor(['configmaps'], ['CREATE'])
  const refusal = async (name: string) => {
    const clientConfig = { service: { name, namespace: 'default', path: '/behind', port: 8443 }, caBundle: hook.caBundle }
    await validating('service', webhook('/behind', { rules, clientConfig }))
    const { message } = await refused(configMaps().create(configMap('behind')))
    await cluster.client.resource(validatingWebhookConfigurationKind).delete({ name: 'service' })
    return message
  }
  assert.match(await refusal('gone'), /Post "https:\/\/gone\.default\.svc:8443\/behind\?timeout=10s": service "gone" not found$/)
  assert.equal(await refusal('hook'), 'admission webhook "behind.example.com" denied the request: from the pod')
  assert.deepEqual(dialled, [{ namespace: 'default', name: 'hook', port: 8443 }])
  // The same server behind another Service: its certificate is not for that name.
  assert.match(await refusal('other'), /does not match certificate's altnames/)
})

test('a server that takes connections and says nothing holds a write no longer than it may', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as { port: number }
  const clientConfig = { url: `https://127.0.0.1:${port}/`, caBundle: hook.caBundle }
  await validating('silent', webhook('/silent', { rules: rulesFor(['configmaps'], ['CREATE']), clientConfig, timeoutSeconds: 1 }))
  assert.match((await refused(configMaps().create(configMap('silent')))).message, /context deadline exceeded$/)
  silent.close()
})
