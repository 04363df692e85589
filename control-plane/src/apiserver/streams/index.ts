export { createStreams, type StreamsOptions } from './create-streams.ts'
