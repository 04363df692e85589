/** For tests only: a webhook of the test's own, over real TLS. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createAuthority, createCertificate } from '@davit/api/pki'
import type { AdmissionRequest } from '../types.ts'

export interface WebhookAnswer {
  readonly allowed?: boolean
  readonly status?: object
  /** Operations of a JSON patch. */
  readonly patch?: readonly object[]
  readonly warnings?: readonly string[]
  /** Of a conversion. */
  readonly result?: object
  readonly convertedObjects?: readonly object[]
}

export interface TestWebhook {
  readonly url: string
  readonly port: number
  /** As a configuration has it. */
  readonly caBundle: string
  /** Questions that came, by path. */
  readonly asked: { path: string; request: AdmissionRequest }[]
  /** What is answered at each path, which begins with a slash; undefined: never anything. */
  readonly answers: Map<string, (request: AdmissionRequest) => WebhookAnswer | undefined>
  close(): void
}

/** Its certificate is good for `names` and 127.0.0.1. */
export async function startTestWebhook(names: readonly string[] = []): Promise<TestWebhook> {
  const lifetime = { now: Date.now(), days: 1 }
  const authority = await createAuthority('test-webhooks', lifetime)
  const request = { commonName: 'webhook', usage: 'server', names: ['127.0.0.1', ...names] } as const
  const { certificate, key } = await createCertificate(authority, request, lifetime)
  const asked: TestWebhook['asked'] = []
  const answers: TestWebhook['answers'] = new Map()
  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk)
    const review = JSON.parse(Buffer.concat(chunks).toString()) as { apiVersion: string; kind: string; request: AdmissionRequest }
    const { request } = review
    const path = new URL(incoming.url ?? '/', 'https://webhook').pathname
    asked.push({ path, request })
    const given = answers.get(path)?.(request)
    if (!given) return
    const { patch, allowed = true, ...rest } = given
    const encoded = patch && { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify(patch)).toString('base64') }
    outgoing.setHeader('content-type', 'application/json')
    outgoing.end(JSON.stringify({ ...review, request: undefined, response: { uid: request.uid, allowed, ...rest, ...encoded } }))
  }
  const server: Server = createServer({ cert: certificate, key }, (incoming, outgoing) => {
    // Who asks may hang up.
    answer(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    port,
    caBundle: Buffer.from(authority.certificate).toString('base64'),
    asked,
    answers,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
