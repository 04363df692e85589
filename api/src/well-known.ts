/** Names that more than one program must agree on. */

/** Labels on every container, network and volume an agent makes. */
export const DOCKER_LABELS = {
  /** CPU shares, CPU quota and bytes of memory a container was made with. */
  limits: 'davit.dev/limits',
  cluster: 'davit.dev/cluster-id',
  node: 'davit.dev/node',
  podUid: 'davit.dev/pod-uid',
  podNamespace: 'davit.dev/pod-namespace',
  podName: 'davit.dev/pod-name',
  container: 'davit.dev/container',
  attempt: 'davit.dev/attempt',
  hash: 'davit.dev/hash',
} as const

/** Groups of certificate subjects (O) with fixed rights. */
export const GROUPS = {
  masters: 'system:masters',
  nodes: 'system:nodes',
  authenticated: 'system:authenticated',
  unauthenticated: 'system:unauthenticated',
  /** Every ServiceAccount; those of a namespace have this, a colon and the namespace, too. */
  serviceAccounts: 'system:serviceaccounts',
  /** Whoever shows a bootstrap token. */
  bootstrappers: 'system:bootstrappers',
} as const

/** A ServiceAccount's user is this, its namespace, a colon and its name. */
export const SERVICE_ACCOUNT_USER_PREFIX = 'system:serviceaccount:'

/** A node's user is this and its name. */
export const NODE_USER_PREFIX = 'system:node:'

export const NAMESPACES = { default: 'default', system: 'kube-system', nodeLease: 'kube-node-lease', public: 'kube-public' } as const

/** Taints the node lifecycle controller sets. */
export const TAINTS = {
  notReady: 'node.kubernetes.io/not-ready',
  unreachable: 'node.kubernetes.io/unreachable',
  unschedulable: 'node.kubernetes.io/unschedulable',
  networkUnavailable: 'node.kubernetes.io/network-unavailable',
  memoryPressure: 'node.kubernetes.io/memory-pressure',
  diskPressure: 'node.kubernetes.io/disk-pressure',
  pidPressure: 'node.kubernetes.io/pid-pressure',
} as const

/** Annotations by which the pods of a node's files and their mirrors in the API are known, as in Kubernetes. */
export const STATIC_PODS = {
  /** On a mirror: the uid of the pod it shows. */
  mirror: 'kubernetes.io/config.mirror',
  hash: 'kubernetes.io/config.hash',
  /** `file`. */
  source: 'kubernetes.io/config.source',
} as const

/** What provisioned volumes are known by, to the control plane that makes their objects and the agents that keep their data. */
export const VOLUMES = {
  /** The provisioner of the StorageClasses that Davit serves itself. */
  provisioner: 'davit.dev/local',
  /** `spec.csi.driver` of a volume that is a named Docker volume. */
  dockerDriver: 'docker.davit.dev',
  /** On a Node: the directory below which its provisioned volumes are. */
  directoryAnnotation: 'davit.dev/volumes-directory',
  /** On a PersistentVolume: who made it. */
  provisionedBy: 'pv.kubernetes.io/provisioned-by',
  /** On a PersistentVolume: the node whose agent removes its data. On a Node: its own name. */
  hostnameLabel: 'kubernetes.io/hostname',
} as const

/** Default address ranges; flags of the control plane change them. */
export const NETWORKS = {
  pods: '10.244.0.0/16',
  services: '10.96.0.0/12',
  dns: '10.96.0.10',
  apiserver: '10.96.0.1',
  nodePorts: [30000, 32767],
} as const

/** Where nodes and API servers (on their Leases) say how they stand with the cluster's CAs; hashes as `publicKeyHash` makes them. */
export const CERTIFICATE_ANNOTATIONS = {
  /** Of every CA that is trusted, with commas. */
  trusted: 'davit.dev/ca-hashes',
  /** Of the CA that signed the certificate in use. */
  issuer: 'davit.dev/certificate-issuer',
  /** Of a node's own certificate, RFC 3339. */
  expires: 'davit.dev/certificate-expires',
  /** Of an API server: `CertificateReport[]` as JSON. */
  report: 'davit.dev/certificates',
} as const

/** Annotation of a Node: canonical names of images that are not for its architecture, with commas. */
export const UNSUITABLE_IMAGES = 'davit.dev/unsuitable-images'

/** One certificate a control plane holds. */
export interface CertificateReport {
  /** `server`, `admin`, `controllers`, `ca`, `etcd-client`, … */
  name: string
  /** Hash of the CA that signed it; its own of a CA. */
  issuer: string
  /** RFC 3339. */
  expires: string
}

/** Name of the extension of a kubeconfig's cluster that lists all its servers: `{ servers: string[] }`. */
export const SERVERS_EXTENSION = 'davit.dev/servers'

/** Paths of the API that are Davit's own, between agents and the control plane. */
export const PATHS = {
  /** POST `JoinRequest` with `Authorization: Bearer <token>`: a certificate for a node. */
  join: '/davit/v1/join',
  /** GET, upgraded to WebSocket: an agent's tunnel. */
  tunnel: '/davit/v1/tunnel',
  /** GET of an API server, followed by `/<node>`, upgraded to WebSocket: HTTP/2 that goes on through the peer's own tunnel to the node. */
  relay: '/davit/v1/relay',
  /** POST `DrainRequest`: answers once no live node sends new connections to the pod. */
  drain: '/davit/v1/drain',
  /** PUT an image archive (docker save): loaded onto every node, progress as JSON lines. */
  images: '/davit/v1/images',
  /** GET `ClusterInfo` of any authenticated user. */
  cluster: '/davit/v1/cluster',
  /** POST `BackupRequest` of system:masters: an archive of the whole cluster, encrypted. */
  backup: '/davit/v1/backup',
} as const

export interface JoinRequest {
  nodeName: string
  /** PKCS#10, PEM. */
  certificateRequest: string
}

export interface JoinResponse {
  /** PEM. */
  certificate: string
  /** All CAs to trust, PEM one after the other. */
  certificateAuthority: string
  /** kube-system's uid. */
  clusterId: string
}

export interface ClusterInfo {
  clusterId: string
  podCidr: string
  serviceCidr: string
  dnsAddress: string
  clusterDomain: string
  /** All CAs to trust, PEM one after the other; the first signs. */
  certificateAuthority: string
}

/** What the archive is encrypted with: one of both. */
export interface BackupRequest {
  passphrase?: string
  /** 32 bytes in base64. */
  key?: string
}

export interface DrainRequest {
  namespace: string
  name: string
  uid: string
}

export interface DrainResponse {
  /** EndpointSlice version from which on the pod takes no new connections; empty when no Service selects it. */
  resourceVersion: string
  /** Nodes that did not answer in time, each with why. */
  unanswered: { node: string; why: string }[]
}

/**
 * What an agent serves on the HTTP/2 connection inside its tunnel (the control plane is the client):
 * - `GET  /log/<namespace>/<pod>/<uid>/<container>?follow&tailLines&sinceSeconds&sinceTime&timestamps&previous&limitBytes` → text
 * - `POST /exec/<namespace>/<pod>/<uid>/<container>?command=…&stdin&stdout&stderr&tty` → both ways in `StreamFrame`s
 * - `POST /attach/…` likewise
 * - `POST /portforward/<namespace>/<pod>/<uid>?port=N` → raw bytes both ways
 * - `POST /dial?address=A&port=N` → raw bytes both ways, to an address as the node reaches it: its pods', its own, others'
 * - `GET  /barrier?resourceVersion=N` → 204 when all its data planes stand at that EndpointSlice version
 * - `PUT  /images` → docker load, JSON lines
 * - `GET  /node/<path>` → what the agent says of itself and its pods' usage: `stats/summary`, `metrics`, `metrics/resource`, `pods`, `healthz`
 * - `GET  /ping` → 204
 * Errors are a Status object as JSON.
 */
export const TUNNEL_PATHS = {
  log: '/log',
  exec: '/exec',
  attach: '/attach',
  portforward: '/portforward',
  dial: '/dial',
  barrier: '/barrier',
  images: '/images',
  node: '/node',
  ping: '/ping',
} as const

/** Channels of exec and attach frames in the tunnel: one byte channel, four bytes length (big endian), payload. Same numbers as Kubernetes' WebSocket channels. */
export const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const
