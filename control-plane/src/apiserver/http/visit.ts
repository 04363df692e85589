/** One request, from its arrival to the end of its answer: how long it may take, and the seat it takes from others. */
import type { ServerHttp2Stream } from 'node:http2'
import { timedOut } from '@davit/api'
import type { Flow, FlowControl, FlowRequest } from '../flow-control/index.ts'
import { type Reply, type Request, sendError } from './respond.ts'

/** Requests wait for a seat for a part of their time only, so that some is left to serve them. */
const WAITING_PART = 1 / 4

export interface VisitOptions {
  /** A client that is answered before it has sent all may go on for so long: who still sends does not read. */
  readonly lingerMs: number
  readonly onEnd: () => void
}

export class Visit {
  readonly #request: Request
  readonly #reply: Reply
  readonly #lingerMs: number
  #timer: NodeJS.Timeout | undefined
  #isLate = false
  #isOver = false
  #leave = () => {}

  constructor(request: Request, reply: Reply, { lingerMs, onEnd }: VisitOptions) {
    this.#lingerMs = lingerMs
    this.#request = request
    this.#reply = reply
    reply.raw.once('close', () => {
      this.#end()
      onEnd()
    })
    // A stream of HTTP/2 is closed only when its client has ended it too.
    const stream = request.raw.stream as ServerHttp2Stream | undefined
    stream?.once('finish', () => this.#end())
  }

  /** Its time was over, and its client was told. */
  get isLate(): boolean {
    return this.#isLate
  }

  /** Answers with a timeout after `ms`, or cuts off an answer that has begun. */
  endAfter(ms: number): void {
    if (this.#isOver) return
    this.#timer = setTimeout(() => {
      this.#isLate = true
      if (this.#reply.sent || this.#reply.raw.headersSent) this.#reply.raw.destroy()
      else sendError(this.#reply, outOfTime())
    }, ms)
  }

  /** Throws once its time is over: what is done then, nobody hears of. */
  mustBeInTime(): void {
    if (this.#isLate) throw outOfTime()
  }

  /** Resolves, or returns, once it is the request's turn; `ms` is its whole time. Throws TooManyRequests. */
  takeSeat(flowControl: FlowControl, request: FlowRequest, ms: number): Promise<void> | undefined {
    const flow = flowControl.flowOf(request)
    this.#tell(flow)
    const entered = flow.enter(ms * WAITING_PART)
    if ('release' in entered) {
      this.#leaveBy(entered.release)
      return undefined
    }
    this.#leaveBy(entered.cancel)
    return entered.seat.then(({ release }) => this.#leaveBy(release))
  }

  /** Its seat is for others from now on. */
  readonly begun = (): void => this.#leave()

  #leaveBy(leave: () => void): void {
    this.#leave = leave
    if (this.#isOver) leave()
  }

  #tell({ schemaUid, levelUid }: Flow): void {
    if (schemaUid) this.#reply.header('x-kubernetes-pf-flowschema-uid', schemaUid)
    if (levelUid) this.#reply.header('x-kubernetes-pf-prioritylevel-uid', levelUid)
  }

  #end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#leave()
    this.#stopReading()
  }

  /** Nobody holds a connection by sending what is not read any more. */
  #stopReading(): void {
    const { raw } = this.#request
    const stream = raw.stream as ServerHttp2Stream | undefined
    if (raw.complete || stream?.endAfterHeaders || stream?.closed) return
    const timer = setTimeout(() => (stream ? stream.close() : raw.socket.destroy()), this.#lingerMs).unref()
    raw.once('end', () => clearTimeout(timer))
    ;(stream ?? raw.socket).once('close', () => clearTimeout(timer))
  }
}

/** Kubernetes' words. */
function outOfTime(): Error {
  return timedOut('Timeout: request did not complete within the allotted timeout')
}
