export { containersOf, defaultContainer, findPod, podsOf } from './find-pod.ts'
