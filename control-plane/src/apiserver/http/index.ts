export type {
  ApiServer,
  ApiServerOptions,
  HealthCheck,
  RequestRecord,
  ServerIdentity,
  ServerMetrics,
  StreamCall,
  Streams,
  TunnelAcceptor,
} from './options.ts'
export { startApiServer } from './server.ts'
