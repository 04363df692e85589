export { isGoingDown } from './going-down.ts'
export { askShutdown } from './request.ts'
export { type RunningShutdown, runShutdown, type ShutdownOptions } from './run-shutdown.ts'
