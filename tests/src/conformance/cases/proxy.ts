/** What pods and Services serve, asked for through the API server. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { text } from 'node:stream/consumers'
import { type Service, serviceKind } from '@davit/api'
import { makeServerCertificate } from '../../server-certificate.ts'
import type { Case } from '../case.ts'
import type { CaseContext } from '../context.ts'
import { startRelayed } from '../relayed-server.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const LABELS = { app: 'proxied' }

function answer(request: IncomingMessage, response: ServerResponse): void {
  const isPage = request.url === '/'
  response.writeHead(200, { 'content-type': isPage ? 'text/html' : 'text/plain', 'x-method': request.method })
  response.end(isPage ? '<a href="/rewriteme">test</a>' : `${request.method} ${request.url}`)
}

async function makeService(context: CaseContext, ports: NonNullable<Service['spec']['ports']>): Promise<void> {
  const spec = { selector: LABELS, ports }
  await context.resource(serviceKind).create({ apiVersion: 'v1', kind: 'Service', metadata: context.named('proxied'), spec })
}

/** Asks as the administrator, until what is asked for has come up: a Service's endpoints come when its pod is ready. */
async function ask(context: CaseContext, target: string, method = 'GET') {
  const path = `/api/v1/namespaces/${context.namespace}/${target}`
  for (;;) {
    const { status, headers, body } = await context.client.raw({ method, path })
    const said = await text(body)
    if (status === 503 && said.includes('no endpoints available')) continue
    return { status, headers, text: said, path }
  }
}

async function assertEveryMethod(context: CaseContext, below: string): Promise<void> {
  const server = createServer(answer)
  try {
    await startRelayed(context, server, { name: 'proxied', labels: LABELS, ports: [80] })
    await makeService(context, [{ port: 80 }])
    for (const target of ['pods/proxied', 'services/proxied']) {
      for (const method of METHODS) {
        const { status, headers, text: said } = await ask(context, `${target}/proxy${below}?method=${method}`, method)
        const isRedirected = below === '' && (method === 'GET' || method === 'HEAD')
        if (isRedirected) {
          assert.deepEqual([status, String(headers.location).endsWith(`${target}/proxy/?method=${method}`)], [301, true])
          continue
        }
        assert.deepEqual([status, headers['x-method']], [200, method], `${target} ${method}: ${said}`)
        if (method !== 'HEAD') assert.equal(said, `${method} ${below || '/'}?method=${method}`)
      }
    }
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

export const cases: readonly Case[] = [
  {
    row: 'API proxy to pod and service forwards every HTTP method',
    run: context => assertEveryMethod(context, ''),
  },
  {
    row: 'API proxy with a sub-path to pod and service forwards every HTTP method',
    run: context => assertEveryMethod(context, '/some/path/with/'),
  },
  {
    row: 'API proxy reaches pod and service ports by name, number and scheme',
    run: async context => {
      const { certificate: cert, key } = await makeServerCertificate(['whoever'])
      const [plain, secure] = [createServer(answer), createTlsServer({ cert, key }, answer)]
      try {
        await startRelayed(context, plain, { name: 'proxied', labels: LABELS, ports: [80, 160] })
        await startRelayed(context, secure, { name: 'secured', labels: { app: 'secured' }, ports: [443] })
        await makeService(context, [
          { name: 'portname1', port: 8000, targetPort: 80 },
          { name: 'portname2', port: 8001, targetPort: 160 },
        ])
        const spec = { selector: { app: 'secured' }, ports: [{ name: 'tls', port: 444, targetPort: 443 }] }
        await context.resource(serviceKind).create({ apiVersion: 'v1', kind: 'Service', metadata: context.named('secured'), spec })
        const targets = [
          ...['proxied', 'proxied:80', 'proxied:160', 'http:proxied:160', 'https:secured:443', 'https:secured:'].map(
            name => `pods/${name}`,
          ),
          ...['proxied:portname1', 'proxied:8000', 'http:proxied:portname2', 'proxied:8001'].map(name => `services/${name}`),
          ...['https:secured:tls', 'https:secured:444'].map(name => `services/${name}`),
        ]
        for (const target of targets) {
          const { status, text: said } = await ask(context, `${target}/proxy/x`)
          assert.deepEqual([status, said], [200, 'GET /x'], target)
        }
        const page = await ask(context, 'pods/proxied:80/proxy/')
        assert.equal(page.text, `<a href="${page.path}rewriteme">test</a>`)
        assert.equal((await ask(context, 'pods/proxied:81/proxy/')).status, 503)
      } finally {
        for (const server of [plain, secure]) {
          server.closeAllConnections()
          server.close()
        }
      }
    },
  },
]
