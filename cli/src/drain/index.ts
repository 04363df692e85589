export { type Choice, type ChooseOptions, choosePods } from './choose.ts'
export { type DrainOptions, drainNode } from './drain-node.ts'
