export { acceptSpdy } from './accept-spdy.ts'
export { SpdyConnection, type SpdyOptions } from './spdy-connection.ts'
export type { SpdyStream } from './spdy-stream.ts'
