export { type AgentTunnels, type AgentTunnelsOptions, startTunnels } from './start-tunnels.ts'
