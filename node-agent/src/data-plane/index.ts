export type { DnsSettings } from './protocol.ts'
export { type RunDataPlaneOptions, runDataPlane } from './run-data-plane.ts'
export { serveDataPlane } from './serve-data-plane.ts'
export { type DataPlane, type DataPlaneOptions, startDataPlane, stopDataPlane } from './start-data-plane.ts'
