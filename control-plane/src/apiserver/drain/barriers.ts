/**
 * Asks nodes whether their data planes stand at an EndpointSlice version. Questions of the same moment become one request
 * at the newest version any of them needs; a node that let one pass is not waited for again until it answers.
 */

import { type Clock, type Logger, TUNNEL_PATHS } from '@davit/api'
import { beginningOf, type Tunnels } from '../tunnel/index.ts'

const GATHER_MS = 5
const ANSWER_MS_MAX = 3000

interface Batch {
  revision: number
  readonly answer: Promise<string | undefined>
}

interface NodeState {
  gathering?: Batch
  /** Requests that ran over time and are still open. */
  overdue: number
}

export interface BarriersOptions {
  readonly tunnels: Tunnels
  readonly clock: Clock
  readonly log: Logger
}

export class Barriers {
  readonly #options: BarriersOptions
  readonly #nodes = new Map<string, NodeState>()

  constructor(options: BarriersOptions) {
    this.#options = options
  }

  /** Resolves to undefined once the node stands at `revision`, otherwise to why that is not known. Never rejects. */
  async ask(node: string, revision: number): Promise<string | undefined> {
    const state = this.#nodes.get(node) ?? { overdue: 0 }
    this.#nodes.set(node, state)
    if (state.overdue > 0) return 'it let an earlier question pass and has not answered since'
    if (state.gathering) {
      state.gathering.revision = Math.max(state.gathering.revision, revision)
      return state.gathering.answer
    }
    const batch: Batch = { revision, answer: this.#options.clock.sleep(GATHER_MS).then(() => this.#send(node, state, batch)) }
    state.gathering = batch
    return batch.answer
  }

  async #send(node: string, state: NodeState, batch: Batch): Promise<string | undefined> {
    delete state.gathering
    const answered = this.#request(node, batch.revision)
    const timer = new AbortController()
    const late = this.#options.clock.sleep(ANSWER_MS_MAX, timer.signal).then(isLate, isLate)
    const outcome = await Promise.race([answered, late])
    timer.abort()
    if (outcome !== LATE) return outcome
    state.overdue++
    // However it ends, by an answer or with the tunnel, the node is asked again after that.
    answered.finally(() => state.overdue--)
    this.#options.log.warn({ node, revision: batch.revision }, 'A node did not confirm an EndpointSlice version in time')
    return `no answer within ${ANSWER_MS_MAX} ms`
  }

  /** Never rejects. */
  async #request(node: string, revision: number): Promise<string | undefined> {
    try {
      const session = await this.#options.tunnels.session(node)
      const stream = session.request({ ':method': 'GET', ':path': `${TUNNEL_PATHS.barrier}?resourceVersion=${revision}` })
      const code = await new Promise<number>((resolve, reject) => {
        stream.once('response', headers => resolve(Number(headers[':status'])))
        stream.once('error', reject)
        stream.once('close', () => reject(new Error('the tunnel closed')))
        stream.end()
      })
      const body = await beginningOf(stream, 200)
      return code < 300 ? undefined : `it answered ${code}: ${body}`
    } catch (err) {
      return err instanceof Error ? err.message : String(err)
    }
  }
}

const LATE: unique symbol = Symbol('late')
const isLate = (): typeof LATE => LATE
