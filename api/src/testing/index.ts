export { freePorts } from './free-ports.ts'
export { bytes, envelope, number } from './protobuf.ts'
