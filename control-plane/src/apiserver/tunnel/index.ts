export { beginningOf } from './beginning-of.ts'
export { type AcceptingTunnels, createTunnels, type TunnelsOptions } from './create-tunnels.ts'
export { type Peer, Relays } from './relays.ts'
export type { TunnelState, Tunnels } from './types.ts'
