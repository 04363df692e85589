/** RESOURCE/NAME/proxy/PATH: what a pod, a Service's endpoint or a node serves itself; of a node's agent what it says of itself. */
import { badRequest } from '@davit/api'
import { proxyOptions } from '../connect-options.ts'
import type { ProxyCall } from '../options.ts'
import { passOn } from '../pass-on.ts'
import { beginStream } from '../respond.ts'
import { type Handlers, lifetimeOf, methodNotAllowed, type ResourceCall, targetOf } from './call.ts'

/** Where a kubelet listens: clients name it to mean the agent, which listens nowhere. */
const KUBELET_PORT = '10250'

export async function proxyResource(handlers: Handlers, call: ResourceCall): Promise<void> {
  const proxied = proxyCallOf(call)
  const { signal } = lifetimeOf(call.reply, handlers.signal)
  await handlers.registry.connect({ user: call.user, signal }, call.kind, targetOf(call), 'proxy', proxyOptions(proxied))
  if (isAgentsPage(proxied)) return proxyToNode(handlers, call, proxied, signal)
  const { reply, request } = call
  if (proxied.path === '' && (request.method === 'GET' || request.method === 'HEAD')) {
    // So that the relative links of a page lead below it.
    const [path, ...query] = (request.raw.url ?? '').split('?')
    return void reply
      .code(301)
      .header('location', [`${path}/`, ...query].join('?'))
      .send()
  }
  await passOn(call, handlers.signal, (exchange, gone) => handlers.streams.proxy(proxied, exchange, gone))
}

function proxyCallOf(call: ResourceCall): ProxyCall {
  const { name, namespace = '' } = targetOf(call)
  return { user: call.user, resource: call.kind.plural as ProxyCall['resource'], namespace, name, path: call.resource.path ?? '' }
}

async function proxyToNode(
  handlers: Handlers,
  { reply, request, query, user }: ResourceCall,
  { name, path }: ProxyCall,
  signal: AbortSignal,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed()
  const { contentType, body } = await handlers.streams.node({ user, name: nodeNameIn(name), path: decoded(path.slice(1)), query }, signal)
  const answer = beginStream(reply, contentType)
  // An answer that breaks off is cut off for the client as well: after the head there is no other way to say so.
  body.once('error', () => answer.destroy())
  answer.once('close', () => body.destroy())
  body.pipe(answer)
}

function isAgentsPage({ resource, name }: ProxyCall): boolean {
  if (resource !== 'nodes') return false
  const parts = name.split(':')
  const port = parts.length === 1 ? '' : parts.at(-1)
  return port === '' || port === KUBELET_PORT
}

/** Clients may write `https:NAME:PORT`. */
function nodeNameIn(name: string): string {
  const parts = name.split(':')
  return (parts.length === 3 ? parts[1] : parts[0]) ?? ''
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    throw badRequest(`Cannot decode path ${JSON.stringify(path)}`)
  }
}
