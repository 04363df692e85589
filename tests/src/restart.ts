/** Starts again, with the flags of the first time, what a test has killed. */
import { bringUp, type UpOptions } from '@davit/deploy'
import type { TestCluster } from './cluster.ts'

/** Starts what does not run of the cluster's processes and leaves the rest alone; settles once every node is Ready. */
export async function startMissing({ home, port, network, hosts }: TestCluster, options: Partial<UpOptions> = {}): Promise<void> {
  const { client } = await bringUp({ home, port, network, nodes: hosts.length, ...options })
  await client.close()
}
