export { type Charge, type ChargedWrite, chargeTo } from './charge.ts'
export { type Amounts, type PodAmounts, podAmounts } from './pod-amounts.ts'
export { type Counted, isUpToDate, kindsCounted, recount } from './recount.ts'
