/** For tests only: a registry over a real etcd. */

export { configMap, namespace, node, pod, service } from './objects.ts'
export { startTestRegistry, type TestRegistry } from './test-registry.ts'
