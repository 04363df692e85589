/** A gRPC proxy before etcd that a test can make misbehave, one message at a time. */
import * as grpc from '@grpc/grpc-js'

export interface ProxyHooks {
  /** For the `n`th message (from 0, which is `created`) of the `stream`th watch (from 0). `swallow`: as if it were under way for ever. */
  watchMessage?: (stream: number, n: number) => 'pass' | 'cut' | 'swallow'
  /**
   * What becomes of a transaction: `drop-answer` is applied by etcd but the answer is lost, `drop` never reaches etcd, `hold` is given up by
   * the client and reaches etcd once `held` has settled.
   */
  transaction?: () => 'pass' | 'drop' | 'drop-answer' | 'hold'
  held?: Promise<unknown>
  /** Settles before the client hears that its answer is lost. */
  beforeLostAnswer?: Promise<unknown>
}

export interface EtcdProxy extends AsyncDisposable {
  readonly url: string
  hooks: ProxyHooks
  /** How many watches were opened. */
  readonly watches: number
}

const raw = (path: string, stream: boolean): grpc.MethodDefinition<Buffer, Buffer> => ({
  path,
  requestStream: stream,
  responseStream: stream,
  requestSerialize: value => value,
  requestDeserialize: value => value,
  responseSerialize: value => value,
  responseDeserialize: value => value,
})
const UNARY = ['KV/Range', 'KV/Txn', 'KV/Compact', 'KV/Put']

export async function startEtcdProxy(target: string): Promise<EtcdProxy> {
  const unlimited = { 'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1 }
  const upstream = new grpc.Client(target.replace('http://', ''), grpc.credentials.createInsecure(), unlimited)
  const server = new grpc.Server(unlimited)
  const identity = (value: Buffer) => value
  let watches = 0
  const lost = { code: grpc.status.UNAVAILABLE, details: 'Connection dropped' }

  const definitions = Object.fromEntries(UNARY.map(name => [name, raw(`/etcdserverpb.${name}`, false)]))
  const handlers: grpc.UntypedServiceImplementation = {}
  for (const name of UNARY) {
    handlers[name] = ((call, answer) => {
      const verdict = (name === 'KV/Txn' && proxy.hooks.transaction?.()) || 'pass'
      if (verdict === 'drop' || verdict === 'hold') answer(lost)
      if (verdict === 'drop') return
      const path = `/etcdserverpb.${name}`
      if (verdict === 'hold') {
        void proxy.hooks.held?.then(() => upstream.makeUnaryRequest(path, identity, identity, call.request, () => {}))
        return
      }
      upstream.makeUnaryRequest(path, identity, identity, call.request, (error, response) => {
        if (verdict === 'drop-answer') void Promise.resolve(proxy.hooks.beforeLostAnswer).then(() => answer(lost))
        else if (error) answer(error)
        else answer(null, response)
      })
    }) satisfies grpc.handleUnaryCall<Buffer, Buffer>
  }
  definitions.watch = raw('/etcdserverpb.Watch/Watch', true)
  handlers.watch = (call => {
    const stream = watches++
    let messages = 0
    const onward = upstream.makeBidiStreamRequest('/etcdserverpb.Watch/Watch', identity, identity)
    call.on('data', (message: Buffer) => onward.write(message))
    call.on('end', () => onward.end())
    call.on('cancelled', () => onward.cancel())
    onward.on('data', (message: Buffer) => {
      const verdict = proxy.hooks.watchMessage?.(stream, messages++) ?? 'pass'
      if (verdict === 'pass') call.write(message)
      if (verdict !== 'cut') return
      onward.cancel()
      call.emit('error', lost)
    })
    onward.on('error', error => call.emit('error', { ...lost, details: error.message }))
  }) satisfies grpc.handleBidiStreamingCall<Buffer, Buffer>

  server.addService(definitions, handlers)
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)))
  })
  const proxy = {
    url: `http://127.0.0.1:${port}`,
    hooks: {} as ProxyHooks,
    get watches() {
      return watches
    },
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
      upstream.close()
    },
  }
  return proxy
}
