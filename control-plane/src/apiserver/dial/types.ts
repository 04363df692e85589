/** How this server itself reaches what runs in the cluster. */
import type { Duplex } from 'node:stream'
import type { Kind, KubernetesObject, Target } from '@davit/api'

/** A port of a Service. */
export interface ServicePort {
  readonly namespace: string
  readonly name: string
  /** The Service's own number of it. */
  readonly port: number
}

/** Somewhere to connect to. */
export interface Place {
  /** An IP address, or a name in DNS. */
  readonly address: string
  readonly port: number
  /** The node from which it is reached, by the tunnel; undefined: from this process. */
  readonly node?: string
  /** The pod that is there. */
  readonly pod?: { readonly namespace: string; readonly name: string }
}

/** What is known of the cluster; may be as old as the cache. */
export interface Lookups {
  find<T extends KubernetesObject>(kind: Kind<T>, target: Target, signal?: AbortSignal): Promise<T | undefined>
  all<T extends KubernetesObject>(kind: Kind<T>, selected: { namespace?: string; labelSelector?: string }): Promise<readonly T[]>
}

export interface Dialer {
  /**
   * Connects within 10 s. The connection is the caller's to end, and is destroyed when the signal aborts; it fails when it breaks, and
   * ends only where the other side ended it. Throws ServiceUnavailable saying what went wrong.
   */
  dial(place: Place, signal: AbortSignal): Promise<Duplex>
  /** The same to a ready endpoint of a Service, another when one cannot be reached. Throws also NotFound for a Service that is not there. */
  dialService(service: ServicePort, signal: AbortSignal): Promise<Duplex>
  /** Where a Service leads now, in random order; not empty. Throws NotFound and ServiceUnavailable. */
  placesOf(service: ServicePort, signal: AbortSignal): Promise<Place[]>
}
