export type {
  ApiServer,
  ApiServerOptions,
  HealthCheck,
  NodeCall,
  ProxyCall,
  ProxyExchange,
  RequestRecord,
  ServerIdentity,
  ServerMetrics,
  StreamCall,
  Streams,
  TunnelAcceptor,
} from './options.ts'
export { startApiServer } from './server.ts'
