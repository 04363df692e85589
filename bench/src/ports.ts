import { createServer } from 'node:net'
import { apiPort } from '@davit/deploy'

/** A port that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '0.0.0.0', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

/** For the API of the bench's cluster: `$DAVIT_PORT` where it is set, else any that is free, so that a cluster that runs is left alone. */
export async function benchPort(): Promise<number> {
  return process.env.DAVIT_PORT ? apiPort() : freePort()
}
