/** What of the bench runs in Docker, as Docker itself says. */
import type { DockerHost } from '@davit/deploy'
import { connectEngine, type Engine } from './engine.ts'
import { poll } from './wait.ts'

/** Does nothing until SIGTERM, which ends it at once. */
export const IMAGE = 'davit-bench:1'

/** Starts a container as plainly as `docker run -d` does. */
export async function startContainer(engine: Engine): Promise<void> {
  const { Id } = (await engine.call('POST', '/containers/create', { Image: IMAGE })) as { Id: string }
  await engine.call('POST', `/containers/${Id}/start`)
}

/** Removes by force every container of the host. */
export function removeContainers(host: Pick<DockerHost, 'socket'>): Promise<void> {
  return withEngine(host, async engine => {
    const containers = await list(engine, 'all=1')
    await Promise.all(containers.map(({ Id }) => engine.call('DELETE', `/containers/${Id}?force=1&v=1`)))
  })
}

/** How many containers of the bench's image run on these hosts, under whatever name of it they were made. */
export async function countRunning(hosts: readonly DockerHost[]): Promise<number> {
  const counts = await Promise.all(
    hosts.map(host =>
      withEngine(host, async engine => {
        const { Id } = (await engine.call('GET', `/images/${IMAGE}/json`)) as { Id: string }
        return (await list(engine, '')).filter(({ ImageID }) => ImageID === Id).length
      }),
    ),
  )
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Waits until no container is left on these hosts, running or not. */
export async function waitUntilEmpty(hosts: readonly DockerHost[], signal: AbortSignal): Promise<void> {
  const isEmpty = async () => {
    const containers = await Promise.all(hosts.map(host => withEngine(host, engine => list(engine, 'all=1'))))
    return containers.flat().length === 0
  }
  await poll('the hosts to be empty', isEmpty, { signal, timeoutMs: 120_000, everyMs: 250 })
}

async function list(engine: Engine, query: string): Promise<{ Id: string; ImageID: string }[]> {
  return (await engine.call('GET', `/containers/json?${query}`)) as { Id: string; ImageID: string }[]
}

async function withEngine<T>(host: Pick<DockerHost, 'socket'>, ask: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = connectEngine(host.socket)
  try {
    return await ask(engine)
  } finally {
    engine.close()
  }
}
