export { ANONYMOUS, authenticateCertificate, type Subject } from './distinguished-name.ts'
export { createJoinService, type JoinService, type JoinServiceOptions } from './join-service.ts'
export { signNodeCertificate } from './node-certificate.ts'
