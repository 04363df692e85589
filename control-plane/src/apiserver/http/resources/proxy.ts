/** GET nodes/NAME/proxy/PATH: what the node's agent says of itself, asked for through its tunnel. */
import { beginStream } from '../respond.ts'
import { type Handlers, lifetimeOf, type ResourceCall, targetOf } from './call.ts'

export async function proxyToNode(handlers: Handlers, call: ResourceCall): Promise<void> {
  const { signal } = lifetimeOf(call.reply, handlers.signal)
  const { name } = targetOf(call)
  const path = call.resource.path ?? ''
  const { contentType, body } = await handlers.streams.node({ user: call.user, name: nodeNameIn(name), path, query: call.query }, signal)
  const answer = beginStream(call.reply, contentType)
  // An answer that breaks off is cut off for the client as well: after the head there is no other way to say so.
  body.once('error', () => answer.destroy())
  answer.once('close', () => body.destroy())
  body.pipe(answer)
}

/** Clients may write `https:NAME:PORT`; an agent has no port. */
function nodeNameIn(name: string): string {
  const parts = name.split(':')
  return (parts.length === 3 ? parts[1] : parts[0]) ?? ''
}
