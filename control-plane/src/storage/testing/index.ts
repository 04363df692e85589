/** For tests only: a real etcd. */
export { startTestCluster, startTestEtcd, type TestEtcd } from './test-etcd.ts'
