export { createStreamHandler, type StreamHandlerOptions } from './create-stream-handler.ts'
export type { PodContainers } from './find-container.ts'
