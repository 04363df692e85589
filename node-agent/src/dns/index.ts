export { type DnsServer, type DnsServerOptions, startDnsServer } from './server.ts'
export { type DnsService, dnsService } from './service-records.ts'
export { Zone } from './zone.ts'
