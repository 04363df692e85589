export { createDrains, type Drains } from './drain.ts'
export { drainRequestOf } from './drain-request.ts'
