export { COMMAND_PROTOCOLS, type CommandResult, type CommandStreams, runCommandStream } from './command-stream.ts'
export { FORWARD_PROTOCOL, forwardConnection } from './forward.ts'
