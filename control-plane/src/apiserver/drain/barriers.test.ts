import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { after, before, describe, it } from 'node:test'
import type { Clock } from '@davit/api'
import type { Tunnels } from '../tunnel/index.ts'
import { Barriers } from './barriers.ts'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/** Time that passes when told to. */
function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0
  const sleepers = new Set<{ at: number; wake: () => void }>()
  return {
    now: () => now,
    monotonic: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { at: now + ms, wake: resolve }
        sleepers.add(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers.delete(sleeper)
          reject(signal.reason)
        })
      }),
    advance: ms => {
      now += ms
      for (const sleeper of sleepers) {
        if (sleeper.at > now) continue
        sleepers.delete(sleeper)
        sleeper.wake()
      }
    },
  }
}

describe('Barriers', () => {
  const agent = createServer()
  let session: ClientHttp2Session
  before(async () => {
    agent.listen(0, '127.0.0.1')
    await once(agent, 'listening')
    session = connect(`http://127.0.0.1:${(agent.address() as AddressInfo).port}`)
  })
  after(() => {
    session.destroy()
    agent.close()
  })

  const make = () => {
    const clock = manualClock()
    const tunnels = { session: () => session } as unknown as Tunnels
    return { clock, barriers: new Barriers({ tunnels, clock, log: SILENT }) }
  }
  const nextQuestion = async () => {
    const [stream, headers] = (await once(agent, 'stream')) as [ServerHttp2Stream, Record<string, string>]
    const answer = (code: number, body = '') => {
      // A 204 ends with its head.
      stream.respond({ ':status': code }, { endStream: body === '' })
      if (body !== '') stream.end(body)
    }
    return { path: headers[':path'], answer }
  }

  it('makes one question, at the newest version, of all that are asked in the same moment', async () => {
    const { clock, barriers } = make()
    const answers = [barriers.ask('n', 7), barriers.ask('n', 9), barriers.ask('n', 8)]
    const question = nextQuestion()
    clock.advance(5)
    const { path, answer } = await question
    assert.equal(path, '/barrier?resourceVersion=9')
    answer(204)
    assert.deepEqual(await Promise.all(answers), [undefined, undefined, undefined])
  })

  it('says what the node said when it refuses', async () => {
    const { clock, barriers } = make()
    const why = barriers.ask('n', 1)
    const question = nextQuestion()
    clock.advance(5)
    ;(await question).answer(503, 'no data plane')
    assert.match((await why) ?? '', /it answered 503: no data plane/)
  })

  it('does not wait again for a node that let a question pass, until it answers', async () => {
    const { clock, barriers } = make()
    const first = barriers.ask('n', 1)
    const question = nextQuestion()
    clock.advance(5)
    const { answer } = await question
    clock.advance(3000)
    assert.match((await first) ?? '', /no answer within 3000 ms/)
    assert.match((await barriers.ask('n', 2)) ?? '', /has not answered since/)

    answer(204)
    // The late answer comes over the same session before the next one.
    await new Promise<void>(resolve => session.ping(() => resolve()))
    await new Promise(resolve => setImmediate(resolve))
    const again = barriers.ask('n', 3)
    const asked = nextQuestion()
    clock.advance(5)
    ;(await asked).answer(204)
    assert.equal(await again, undefined)
  })
})
