import { isDeepStrictEqual } from 'node:util'
import { key as keyOf, nodeKind, runController, type ServiceStatus, serviceKind, WorkQueue } from '@davit/api'
import type { ControllerContext } from '../context.ts'
import { isOurs, loadBalancerAddresses, portHolder } from './plan.ts'

/** Writes into each LoadBalancer Service the node addresses at which it is reached. Settles when the context's signal aborts. */
export async function runLoadBalancerController(context: ControllerContext): Promise<void> {
  const { clock, log, signal } = context
  const services = context.informer(serviceKind)
  const nodes = context.informer(nodeKind)
  await Promise.all([services.synced, nodes.synced])
  const queue = new WorkQueue({ clock })
  const addAll = () => {
    for (const service of services.cache.list()) if (service.spec?.type === 'LoadBalancer') queue.add(keyOf(service))
  }
  services.onChange(({ key, type, object }) => {
    if (type === 'deleted') addAll()
    else if (object.spec?.type === 'LoadBalancer' || object.status?.loadBalancer?.ingress) queue.add(key)
  })
  let known: string[] = []
  nodes.onChange(() => {
    const addresses = loadBalancerAddresses(nodes.cache.list())
    if (isDeepStrictEqual(addresses, known)) return
    known = addresses
    addAll()
  })
  await runController(queue, key => reconcile(key, context), { log, signal })
}

async function reconcile(key: string, { client, events, informer, signal }: ControllerContext) {
  const services = informer(serviceKind)
  const service = services.cache.get(key)
  if (!service || (service.spec?.type === 'LoadBalancer' && !isOurs(service))) return
  const holder = isOurs(service) ? portHolder(service, services.cache.list()) : undefined
  if (holder) events.event(service, 'Warning', 'PortInUse', `Service ${keyOf(holder)} already serves one of these ports on every node`)
  const addresses = isOurs(service) && !holder ? loadBalancerAddresses(informer(nodeKind).cache.list()) : []
  const ingress = addresses.map(ip => ({ ip, ipMode: 'VIP' as const }))
  if (isDeepStrictEqual(ingress, service.status?.loadBalancer?.ingress ?? [])) return
  const status: ServiceStatus = { ...service.status, loadBalancer: ingress.length > 0 ? { ingress } : {} }
  const written = await client.resource(serviceKind).update({ ...service, status }, { subresource: 'status', signal })
  await services.reached(written.metadata.resourceVersion ?? '', signal)
}
