/** A server of this process that answers behind a pod: the pod's shell passes every connection on, so that what reaches it went through the pod. */
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { CaseContext } from './context.ts'
import { shell } from './context.ts'

/** Starts `server` and a ready pod of that name that listens at `ports` and leads there. The caller closes the server. */
export async function startRelayed(
  context: CaseContext,
  server: Server,
  { name, labels, ports }: { name: string; labels?: Record<string, string>; ports: readonly number[] },
): Promise<void> {
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const target = `${context.cluster.network.subnet}.1 ${port}`
  const listeners = ports.map(each => `nc -ll -p ${each} -e nc ${target} &`).join(' ')
  const main = shell(`trap 'exit 0' TERM; ${listeners} wait`, { ports: ports.map(containerPort => ({ containerPort })) })
  const readinessProbe = { tcpSocket: { port: ports[0] ?? 0 }, periodSeconds: 1 }
  await context.start(name, { containers: [{ ...main, readinessProbe }] }, labels ? { labels } : {})
}
