/** What the agent answers inside a tunnel: the streams room, given the doors of the others. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Clock, Logger } from '@davit/api'
import type { Docker } from './docker/index.ts'
import type { ServiceProxy } from './network/index.ts'
import type { PodViews } from './pods/index.ts'
import type { StatsPages } from './stats/index.ts'
import { createStreamHandler } from './streams/index.ts'

export interface TunnelHandlerOptions {
  readonly docker: Docker
  readonly pods: PodViews
  readonly proxy: ServiceProxy
  readonly nodePage: StatsPages
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal
}

export function tunnelHandler({
  docker,
  pods,
  proxy,
  nodePage,
  log,
  clock,
  signal,
}: TunnelHandlerOptions): (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void {
  const containers = {
    ofPod: (podUid: string) => pods.findPod({ podUid })?.containers ?? [],
    waitingReason(podUid: string, container: string) {
      const { initContainerStatuses = [], containerStatuses = [] } = pods.findPod({ podUid })?.pod.status ?? {}
      return [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container)?.state?.waiting?.reason
    },
  }
  const reached = (resourceVersion: string, gone: AbortSignal) => proxy.reached(resourceVersion, gone)
  return createStreamHandler({ docker, containers, reached, nodePage, log, clock, signal })
}
