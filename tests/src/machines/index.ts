export { Machine, type MachineOptions, startMachine } from './machine.ts'
export { GATEWAY } from './network.ts'
export type { MachineUser } from './provision.ts'
export { type SshOptions, type TestbedKey, testbedKey } from './ssh.ts'
