export { type AcceptingTunnels, createTunnels, type TunnelsOptions } from './create-tunnels.ts'
export type { TunnelState, Tunnels } from './types.ts'
