/** Nodes' ends of tunnels: HTTP/2 servers on loopback that answer as a test tells them. */
import { once } from 'node:events'
import { type ClientHttp2Session, connect, createServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { unavailable } from '@davit/api'
import type { TunnelAcceptor } from '../options.ts'

export type Agent = (request: Http2ServerRequest, response: Http2ServerResponse) => void

export interface FakeAgents extends AsyncDisposable {
  readonly tunnels: TunnelAcceptor
}

export async function startFakeAgents(agents: Readonly<Record<string, Agent>>): Promise<FakeAgents> {
  const servers = await Promise.all(
    Object.values(agents).map(async agent => {
      const server = createServer((request, response) => agent(request, response))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      return server
    }),
  )
  const names = Object.keys(agents)
  const sessions = new Map<string, ClientHttp2Session>(
    names.map((name, i) => [name, connect(`http://127.0.0.1:${(servers[i]!.address() as AddressInfo).port}`)]),
  )
  return {
    tunnels: {
      state: node => (sessions.has(node) ? { connected: true, silentMs: 0 } : { connected: false, silentMs: Number.POSITIVE_INFINITY }),
      nodes: () => names,
      session: async node => {
        const session = sessions.get(node)
        if (!session) throw unavailable('no tunnel')
        return session
      },
      onChange: () => () => {},
      accept: (_request, socket) => void socket.destroy(),
      relay: (_request, socket) => void socket.destroy(),
    },
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions.values()) session.destroy()
      await Promise.all(servers.map(server => new Promise(resolve => server.close(resolve))))
    },
  }
}
