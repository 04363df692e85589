import { type Client, type Kind, type KubernetesObject, startInformer } from '@davit/api'

export interface ObserveOptions {
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  signal: AbortSignal
}

export interface Observed<T> {
  list(): T[]
  /** The moment, on the monotonic clock, at which `test` first held of the objects; at once when it holds now. */
  until(what: string, test: (objects: readonly T[]) => boolean, timeoutMs: number): Promise<number>
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/** Watches objects as any client of the API does; settles once their present state is known. */
export async function observe<T extends KubernetesObject>(client: Client, kind: Kind<T>, options: ObserveOptions): Promise<Observed<T>> {
  const { signal } = options
  const informer = startInformer(client, kind, { ...options, log: SILENT })
  await informer.synced
  const list = () => [...informer.cache.list()]
  return {
    list,
    until: (what, test, timeoutMs) =>
      new Promise((resolve, reject) => {
        const finish = (conclude: () => void) => {
          clearTimeout(timer)
          signal.removeEventListener('abort', onAbort)
          stop()
          conclude()
        }
        const onAbort = () => finish(() => reject(signal.reason))
        const look = () => {
          if (test(list())) finish(() => resolve(performance.now()))
        }
        const timer = setTimeout(() => finish(() => reject(new Error(`Waited ${timeoutMs / 1000} s in vain for ${what}`))), timeoutMs)
        let stop = () => {}
        signal.addEventListener('abort', onAbort)
        // The handler is called for every object before onChange returns, which is before `stop` could work.
        let listening = false
        stop = informer.onChange(() => {
          if (listening) look()
        })
        listening = true
        look()
      }),
  }
}
