export { type Amounts, type PodAmounts, podAmounts } from './pod-amounts.ts'
