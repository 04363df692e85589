import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { CustomPart, KubernetesObject } from '@davit/api'
import { WebhookClient } from '../webhooks/index.ts'
import { startTestWebhook } from '../webhooks/testing/index.ts'
import { type AskWebhook, conversionByWebhook } from './conversion.ts'

const object = (name: string, apiVersion = 'example.com/v1'): KubernetesObject => ({
  apiVersion,
  kind: 'Foo',
  metadata: { name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '7', labels: { a: 'b' } },
})
const custom = {
  webhook: { clientConfig: { url: 'https://convert.example.com' }, conversionReviewVersions: ['v9', 'v1'] },
} as unknown as CustomPart

interface Review {
  request: { uid: string; desiredAPIVersion: string; objects: KubernetesObject[] }
}
type Answer = (review: Review) => object
const right: Answer = ({ request: { uid, desiredAPIVersion, objects } }) => ({
  uid,
  result: { status: 'Success' },
  convertedObjects: objects.map(each => ({
    ...each,
    apiVersion: desiredAPIVersion,
    metadata: { ...each.metadata, resourceVersion: '1', labels: { c: 'd' } },
  })),
})
const convert = (answer: Answer, objects = [object('x'), object('y')]) => {
  const ask: AskWebhook = async (_, review) => ({ ...review, request: undefined, response: answer(review as Review) })
  return conversionByWebhook(ask)(custom, objects, 'example.com/v2')
}

test('objects come back in order, with labels of the webhook and all other metadata as it was', async () => {
  const converted = await convert(right)
  assert.deepEqual(
    converted,
    ['x', 'y'].map(name => ({ ...object(name, 'example.com/v2'), metadata: { ...object(name).metadata, labels: { c: 'd' } } })),
  )
})

const WRONG: readonly [what: string, answer: Answer, words: RegExp][] = [
  ['of another question', review => ({ ...right(review), uid: 'x' }), /expected response\.uid="[^"]+", got "x"/],
  ['of failure', review => ({ ...right(review), result: { status: 'Failed', message: 'no idea' } }), /failed: no idea$/],
  ['without result', ({ request: { uid } }) => ({ uid }), /response\.result\.status was undefined, not 'Success'/],
  ['with too few', review => ({ ...right(review), convertedObjects: [] }), /webhook returned 0 objects, expected 2/],
  [
    'in the wrong version',
    review => ({ ...right(review), convertedObjects: review.request.objects }),
    /at index 0: invalid groupVersion \(expected example\.com\/v2, received example\.com\/v1\)/,
  ],
  [
    'with other names',
    review => ({ ...right(review), convertedObjects: [object('z', 'example.com/v2'), object('y', 'example.com/v2')] }),
    /at index 0: must have the same name/,
  ],
]
for (const [what, answer, words] of WRONG) {
  test(`an answer ${what} fails the request`, async () => {
    await assert.rejects(convert(answer), (error: Error) => {
      assert.match(error.message, /^conversion webhook for example\.com\/v1, Kind=Foo failed: /)
      assert.match(error.message, words)
      return true
    })
  })
}

test('a webhook is asked over TLS, at its URL or behind its Service', async () => {
  const webhook = await startTestWebhook(['convert.default.svc'])
  try {
    webhook.answers.set('/convert', request => {
      const { desiredAPIVersion, objects } = request as unknown as Review['request']
      return { result: { status: 'Success' }, convertedObjects: objects.map(each => ({ ...each, apiVersion: desiredAPIVersion })) }
    })
    const client = new WebhookClient()
    const dialled: string[] = []
    const dialService = async ({ namespace, name, port }: { namespace: string; name: string; port: number }) => {
      dialled.push(`${namespace}/${name}:${port}`)
      return connect(webhook.port, '127.0.0.1')
    }
    const convert = conversionByWebhook((clientConfig, body, signal) => client.ask({ clientConfig, body, seconds: 5, signal }, dialService))
    const { caBundle, url } = webhook
    const by = (clientConfig: object) =>
      convert({ webhook: { clientConfig, conversionReviewVersions: ['v1'] } } as unknown as CustomPart, [object('x')], 'example.com/v2')
    const wanted = [{ ...object('x', 'example.com/v2') }]
    assert.deepEqual(await by({ url: `${url}/convert`, caBundle }), wanted)
    assert.deepEqual(await by({ service: { namespace: 'default', name: 'convert', path: '/convert' }, caBundle }), wanted)
    assert.deepEqual(dialled, ['default/convert:443'])
    await assert.rejects(
      by({ url: `${url}/convert` }),
      /: conversion webhook for example\.com\/v1, Kind=Foo failed: Post "https:\/\/127\.0\.0\.1:\d+\/convert\?timeout=5s": tls: failed to verify certificate: x509: certificate signed by unknown authority$/,
    )
  } finally {
    webhook.close()
  }
})
