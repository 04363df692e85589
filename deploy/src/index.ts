export {
  agentName,
  certificateAuthorityHash,
  cleanUpNode,
  connectHome,
  connectKubeconfig,
  startAgent,
  startControlPlane,
  stopAgent,
  stopControlPlane,
  waitForNodes,
} from './cluster.ts'
export { type CommandOptions, type CommandResult, command } from './command.ts'
export {
  adoptAuthorities,
  apiServerOf,
  type ClusterConfig,
  ConfigError,
  type ControlPlaneConfig,
  changedFiles,
  clientUrl,
  type EtcdMember,
  etcdOf,
  type InitAnswers,
  type InitResult,
  initCluster,
  type Machine,
  type MachineMember,
  machinesOf,
  OWNER,
  readClusterConfig,
} from './compose/index.ts'
export { bringDown, type DownOptions, runningParts } from './down.ts'
export { apiPort, type Home, homeAt } from './home.ts'
export {
  crashHost,
  DEFAULT_HOST_NETWORK,
  type DockerHost,
  describeHost,
  ensureHostBridge,
  type HostNetwork,
  type HostOptions,
  inHost,
  relinkHost,
  removeHost,
  removeHostBridge,
  startDocker,
  startHost,
  stopDocker,
  unmountBelow,
} from './hosts.ts'
export { type ImageConfig, makeBusyboxRoot, makeHelloImage, makeImageArchive } from './images.ts'
export { killProcess, logFileOf, runningPid, startProcess, stopProcess } from './processes.ts'
export { bringUp, type ClusterState, knownHosts, machineAddress, type RunningCluster, readClusterState, type UpOptions } from './up.ts'
