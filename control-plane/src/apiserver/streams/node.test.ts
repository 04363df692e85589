import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, test } from 'node:test'
import { type ApiError, isReason } from '@davit/api'
import { NODE, pod, startCluster, type TestCluster } from './testing/cluster.ts'

let cluster: TestCluster
beforeEach(async () => {
  cluster = await startCluster()
  cluster.pods.set(NODE, pod(NODE))
})
afterEach(() => cluster.close())

function ask(path: string) {
  const call = { user: { name: 'a', groups: [] }, name: NODE, path, query: new URLSearchParams('only_cpu_and_memory=true') }
  return cluster.streams.node(call, new AbortController().signal)
}

test('a node is asked for what lies under its own pages', async () => {
  let asked: URL | undefined
  cluster.handler = (stream, url) => {
    asked = url
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    stream.end('{}')
  }
  const { contentType, body } = await ask('stats/a b?')
  assert.deepEqual([contentType, await text(body)], ['application/json', '{}'])
  assert.equal(`${asked?.pathname}${asked?.search}`, '/node/stats/a%20b%3F?only_cpu_and_memory=true')
})

test('no path leads out of them to what the agent serves to the control plane alone', async () => {
  cluster.handler = (stream, url) => {
    stream.respond({ ':status': 200, 'x-asked': url.pathname })
    stream.end()
  }
  for (const path of ['../log/default/web/uid-web/main', 'stats/../../ping', '..', './x']) {
    await assert.rejects(ask(path), err => isReason(err, 'BadRequest'))
  }
})

test("a node's refusal is one for the client as well, whatever code it gives", async () => {
  const answer = async (code: number) => {
    cluster.handler = stream => {
      stream.respond({ ':status': 500 })
      stream.end(
        JSON.stringify({ apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message: 'm', reason: 'Conflict', code }),
      )
    }
    return ask('x').then(
      () => 0,
      (err: ApiError) => err.status.code,
    )
  }
  assert.equal(await answer(409), 409)
  for (const code of [101, 204, 99_999, 400.5]) assert.equal(await answer(code), 500)
})
