export { type RunningStaticPods, type StaticPodsOptions, startStaticPods } from './static-pods.ts'
