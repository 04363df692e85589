export { type DecodeOptions, decodeMessage } from './decode.ts'
export { type Envelope, openEnvelope } from './envelope.ts'
export { type Message, messageOf, type NumberedField } from './messages.ts'
export { ProtobufError } from './wire.ts'
