export { type HostPort, HostPorts } from './host-ports.ts'
export { MemoryInformer } from './memory-informer.ts'
export { type ProxyOptions, type RunningProxy, type ServiceSink, startProxy } from './proxy.ts'
export { rules, type ServicePort, type ServiceTable } from './rules.ts'
