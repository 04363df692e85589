import { type Client, type Clock, createEventRecorder, type Logger } from '@davit/api'
import type { KeyPair } from '@davit/api/pki'
import type { Tunnels } from '../apiserver/tunnel/types.ts'
import { runAdmissionPolicyController } from './admission-policy/controller.ts'
import { runCertificateSigner } from './certificate-signer/controller.ts'
import { runClusterRoleAggregation } from './cluster-role-aggregation/controller.ts'
import { createContext } from './context.ts'
import { runDeploymentController } from './deployment/controller.ts'
import { runDisruptionController } from './disruption/controller.ts'
import { runEndpointSliceController } from './endpoint-slice/controller.ts'
import { runEndpointSliceMirroring } from './endpoint-slice-mirroring/controller.ts'
import { runEndpointsController } from './endpoints/controller.ts'
import { runEphemeralVolumeController } from './ephemeral-volume/controller.ts'
import { runEventExpiry } from './event-expiry/controller.ts'
import { runGarbageCollector } from './garbage-collector/controller.ts'
import { runLoadBalancerController } from './load-balancer/controller.ts'
import { runNamespaceController } from './namespace/controller.ts'
import { runNodeLifecycleController } from './node-lifecycle/controller.ts'
import { runPersistentVolumeController } from './persistent-volume/controller.ts'
import { runReplicaSetController } from './replica-set/controller.ts'
import { REPLICA_SETS, REPLICATION_CONTROLLERS } from './replica-set/pod-sets.ts'
import { runResourceQuotaController } from './resource-quota/controller.ts'
import { type Authorities, runRootCaController } from './root-ca/controller.ts'
import { runServiceAccountController } from './service-account/controller.ts'
import { runTokenCleaner } from './token-cleaner/controller.ts'
import { runVolumeProtection } from './volume-protection/controller.ts'

export interface ControllersOptions {
  client: Client
  clock: Clock
  log: Logger
  /** Ends all controllers; aborts with the leadership. */
  signal: AbortSignal
  /** This replica's tunnels: how node loss is heard of within seconds. Without them only Leases tell. */
  tunnels?: Tunnels
  /** What pods are told to trust; without it they are told nothing. */
  authorities?: Authorities
  /** The CA that signs certificate requests; without it none are signed. */
  certificateAuthority?: () => KeyPair
}

/** Runs every controller until `signal` aborts, then settles. Rejects when one fails for good; the others have then stopped. */
export async function startControllers({
  client,
  clock,
  log,
  signal,
  tunnels,
  authorities,
  certificateAuthority,
}: ControllersOptions): Promise<void> {
  const failure = new AbortController()
  const together = AbortSignal.any([signal, failure.signal])
  const events = createEventRecorder(client, { component: 'davit-controllers', clock, log, signal: together })
  const context = createContext({ client, clock, log, signal: together, events })
  const controllers = [
    runDeploymentController(context),
    runDisruptionController(context),
    runReplicaSetController(context, REPLICA_SETS),
    runReplicaSetController(context, REPLICATION_CONTROLLERS),
    runEndpointSliceController(context),
    runEndpointsController(context),
    runEndpointSliceMirroring(context),
    runLoadBalancerController(context),
    runNamespaceController(context),
    runServiceAccountController(context),
    ...(authorities ? [runRootCaController(context, authorities)] : []),
    runGarbageCollector(context),
    runClusterRoleAggregation(context),
    ...(certificateAuthority ? [runCertificateSigner(context, certificateAuthority)] : []),
    runTokenCleaner(context),
    runResourceQuotaController(context),
    runAdmissionPolicyController(context),
    runEventExpiry(context),
    runNodeLifecycleController(context, tunnels),
    runPersistentVolumeController(context),
    runVolumeProtection(context),
    runEphemeralVolumeController(context),
  ]
  const results = await Promise.allSettled(
    controllers.map(controller =>
      controller.catch(error => {
        if (!together.aborted) failure.abort(error)
        throw error
      }),
    ),
  )
  const failed = results.find(result => result.status === 'rejected')
  if (failed && !signal.aborted) throw failed.reason
}
