/** For tests only: a real etcd, and a proxy in front of it. */
export { startTestEtcd, type TestEtcd } from './test-etcd.ts'
