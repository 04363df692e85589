import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ProxyExchange } from './options.ts'
import { lifetimeOf, type RequestCall } from './resources/call.ts'

/** Lets `serve` answer a request as it stands; what it throws is answered as any error is. `gone` aborts when the client leaves, or with `stopped`. */
export async function passOn(
  { request, reply, body }: RequestCall,
  stopped: AbortSignal,
  serve: (exchange: ProxyExchange, gone: AbortSignal) => Promise<void>,
): Promise<void> {
  // HTTP/2's have the same form.
  const [raw, response] = [request.raw as unknown as IncomingMessage, reply.raw as unknown as ServerResponse]
  const read = raw.readableEnded ? { body: await body() } : {}
  await serve({ request: raw, response, ...read }, lifetimeOf(reply, stopped).signal)
  reply.hijack()
}
