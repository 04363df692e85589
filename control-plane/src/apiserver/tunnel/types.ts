import type { ClientHttp2Session } from 'node:http2'

/** What one replica knows of its tunnel to a node; monotonic times. */
export interface TunnelState {
  readonly connected: boolean
  /** Milliseconds since anything (a pong at least) came through; Infinity when never connected. */
  readonly silentMs: number
  /** Milliseconds since it closed; undefined while connected or never connected. */
  readonly closedMs?: number
  /** Why the agent said it closes (`restart`, `upgrade`), when it said so. */
  readonly closeReason?: string
}

/** The tunnels agents hold open to this replica; `session` also knows those to its peers. */
export interface Tunnels {
  state(node: string): TunnelState
  nodes(): string[]
  /** An HTTP/2 session to a node's agent, through a peer when need be; rejects with ApiError 503 naming the node and since when. */
  session(node: string): Promise<ClientHttp2Session>
  /** Called whenever a tunnel opens, closes or falls silent for more than 2.5 s; gives back how to stop. */
  onChange(handler: (node: string) => void): () => void
}
