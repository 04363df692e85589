export { createDrain, type Drain, type DrainOptions } from './drain.ts'
export { type EventRecorder, podEvents } from './events.ts'
export { type PodManager, type PodManagerOptions, startPodManager } from './manager.ts'
export type { PodView, PodViews } from './views.ts'
