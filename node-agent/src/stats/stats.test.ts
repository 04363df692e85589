import assert from 'node:assert/strict'
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { systemClock } from '@davit/api'
import type { Docker } from '../docker/index.ts'
import type { PodView } from '../pods/index.ts'
import { groupDirsOf, parseMountInfo, usageOfV1, usageOfV2 } from './cgroup.ts'
import { createStats } from './collect.ts'
import { CpuRates } from './cpu-rates.ts'
import { diskUsage } from './disk-usage.ts'
import { resourceMetrics } from './metrics.ts'
import { parseCpuNs, parseMemory, parseNetDev } from './proc.ts'
import { summaryOf } from './summary.ts'
import type { NodeUsage, PodUsage } from './types.ts'

const V1 = `31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
36 31 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
38 31 0:35 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw`
const V2 = '26 25 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate'
const PROC_V1 = '8:pids:/docker/c1\n4:memory:/docker/c1\n2:cpu,cpuacct:/docker/c1\n0::/docker/c1\n'

describe('groupDirsOf()', () => {
  it('finds the controllers of version 1, also beside a hybrid version 2', () => {
    assert.deepEqual(groupDirsOf(PROC_V1, parseMountInfo(V1)), {
      version: 1,
      cpuacct: '/sys/fs/cgroup/cpu,cpuacct/docker/c1',
      memory: '/sys/fs/cgroup/memory/docker/c1',
      pids: '/sys/fs/cgroup/pids/docker/c1',
    })
  })
  it('finds the one group of version 2', () => {
    const dirs = groupDirsOf('0::/system.slice/docker-c1.scope\n', parseMountInfo(V2))
    assert.deepEqual(dirs, { version: 2, dir: '/sys/fs/cgroup/system.slice/docker-c1.scope' })
  })
  it('leaves out what lies above the group that is mounted', () => {
    const mounts = parseMountInfo('26 25 0:23 /outer /sys/fs/cgroup rw - cgroup2 cgroup2 rw')
    assert.deepEqual(groupDirsOf('0::/outer/c1', mounts), { version: 2, dir: '/sys/fs/cgroup/c1' })
  })
  it('finds nothing where nothing is shown', () => assert.equal(groupDirsOf(PROC_V1, parseMountInfo('')), undefined))
})

describe('usage of a group', () => {
  it('is read from version 1', () => {
    const stat = 'inactive_file 1\ntotal_rss 300\ntotal_inactive_file 200\ntotal_pgfault 7\ntotal_pgmajfault 2\n'
    assert.deepEqual(usageOfV1({ cpu: '5000\n', usage: '1000\n', stat, limit: '9223372036854771712\n', processes: '3\n' }), {
      cpuNs: 5000,
      memoryBytes: 1000,
      workingSetBytes: 800,
      rssBytes: 300,
      pageFaults: 7,
      majorPageFaults: 2,
      processes: 3,
    })
  })
  it('is read from version 2', () => {
    const stat = 'anon 300\ninactive_file 1200\npgfault 7\npgmajfault 2\n'
    const usage = usageOfV2({ cpu: 'usage_usec 5\nuser_usec 3\n', usage: '1000', stat, limit: '4096\n', processes: '3' })
    assert.deepEqual([usage.cpuNs, usage.workingSetBytes, usage.rssBytes, usage.memoryLimitBytes], [5000, 0, 300, 4096])
  })
})

it('parseNetDev() leaves out the loopback', () => {
  const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  eth0: 2000       9    1    0    0     0          0         0     3000      10    2    0    0     0       0          0
`
  assert.deepEqual(parseNetDev(text), [{ name: 'eth0', rxBytes: 2000, rxErrors: 1, txBytes: 3000, txErrors: 2 }])
})

it('parseMemory() counts files not used lately as available', () => {
  const text = 'MemTotal:  1000 kB\nMemFree:   400 kB\nMemAvailable: 900 kB\nInactive(file):  100 kB\nAnonPages: 50 kB\n'
  assert.deepEqual(parseMemory(text), { totalBytes: 1_024_000, usageBytes: 614_400, workingSetBytes: 512_000, rssBytes: 51_200 })
})

it('parseCpuNs() leaves out idling', () => assert.equal(parseCpuNs('cpu  10 1 2 1000 50 1 1 0 0 0\ncpu0 1 1 1\n'), 15e7))

describe('CpuRates', () => {
  it('has a rate from the second look on, and forgets a counter that began anew', () => {
    const rates = new CpuRates()
    assert.equal(rates.add('a', { at: 0, ns: 0 }), undefined)
    assert.equal(rates.add('a', { at: 1000, ns: 5e8 }), 5e8)
    assert.equal(rates.add('a', { at: 1200, ns: 1 }), undefined)
  })
  it('looks at the last seconds only', () => {
    const rates = new CpuRates()
    for (let at = 0; at <= 60_000; at += 15_000) rates.add('a', { at, ns: 0 })
    assert.equal(rates.add('a', { at: 75_000, ns: 15e9 }), 5e8)
  })
})

it('diskUsage() counts a file with two names once, follows no link, and stops at its bound', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'davit-usage-'))
  const signal = AbortSignal.timeout(10_000)
  try {
    const empty = await diskUsage(dir, signal)
    await mkdir(join(dir, 'deep'))
    await writeFile(join(dir, 'deep', 'file'), Buffer.alloc(1 << 20, 1))
    const one = await diskUsage(dir, signal)
    assert.ok(one.bytes - empty.bytes >= 1 << 20)
    await link(join(dir, 'deep', 'file'), join(dir, 'again'))
    await symlink('/', join(dir, 'root'))
    const all = await diskUsage(dir, signal)
    assert.ok(all.bytes - one.bytes < 1 << 16)
    assert.deepEqual([all.inodes, all.complete], [one.inodes + 1, true])
    assert.equal((await diskUsage(dir, signal, { entriesMax: 2 })).complete, false)
    assert.deepEqual(await diskUsage(join(dir, 'none'), signal), { bytes: 0, inodes: 0, complete: true })
  } finally {
    await rm(dir, { recursive: true })
  }
})

it('createStats() measures a pod although Docker cannot tell where one of its containers lies', async () => {
  const view = {
    uid: 'p',
    pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [] } },
    containers: [{ id: 'c', pid: process.pid, state: 'running', container: 'main', networkMode: 'host' }],
  } as unknown as PodView
  const volume = { name: 'v', usedBytes: 5, availableBytes: 0, capacityBytes: 0, inodesUsed: 0, inodes: 0, inodesFree: 0 }
  const inspect = () => Promise.reject(new Error('No such container: c'))
  const { measure } = createStats({
    docker: { raw: { getContainer: () => ({ inspect }) }, engine: {} } as unknown as Docker,
    pods: () => [view],
    volumes: async () => [volume],
    dataDir: '/',
    clock: systemClock,
    signal: AbortSignal.timeout(10_000),
  })
  assert.deepEqual((await measure(view)).volumes, [volume])
})

const fs = { capacityBytes: 100, availableBytes: 60, usedBytes: 40, inodes: 10, inodesFree: 6, inodesUsed: 4 }
const node: NodeUsage = {
  at: 2_000_000,
  bootAt: 1_000_000,
  cpu: { ns: 5e9, nanoCores: 250 },
  memory: { totalBytes: 1000, usageBytes: 700, workingSetBytes: 600, rssBytes: 300 },
  interfaces: [{ name: 'eth0', rxBytes: 1, rxErrors: 0, txBytes: 2, txErrors: 0 }],
  nodeFs: fs,
  imageFs: fs,
  tasks: { current: 5, max: 100 },
}
const group = { cpuNs: 2e9, memoryBytes: 90, workingSetBytes: 80, rssBytes: 70, pageFaults: 6, majorPageFaults: 5, processes: 4 }
const pod: PodUsage = {
  uid: 'u',
  pod: {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', uid: 'u' },
    spec: { containers: [{ name: 'a', image: 'app' }], volumes: [{ name: 'scratch', emptyDir: {} }] },
  },
  at: 2_000_000,
  containers: [
    {
      name: 'a',
      at: 2_000_000,
      startedAt: 1_500_000,
      cpu: { ns: 2e9, nanoCores: 100 },
      group,
      rootfs: { bytes: 7, inodes: 2, complete: true },
      logs: { bytes: 3, inodes: 1, complete: true },
    },
  ],
  interfaces: [],
  volumes: [{ name: 'scratch', usedBytes: 30, availableBytes: 60, capacityBytes: 100, inodesUsed: 3, inodes: 10, inodesFree: 6 }],
  processes: 4,
}

it('summaryOf() adds up what a pod takes on the disks of its node', () => {
  const { node: shown, pods } = summaryOf('n1', node, [pod]) as {
    node: { memory: { availableBytes: number }; cpu: { usageNanoCores: number } }
    pods: { podRef: object; cpu: { usageCoreNanoSeconds: number }; 'ephemeral-storage': { usedBytes: number; inodesUsed: number } }[]
  }
  assert.deepEqual([shown.memory.availableBytes, shown.cpu.usageNanoCores], [400, 250])
  assert.deepEqual(pods[0]?.podRef, { name: 'web', namespace: 'shop', uid: 'u' })
  assert.equal(pods[0]?.cpu.usageCoreNanoSeconds, 2e9)
  assert.deepEqual([pods[0]?.['ephemeral-storage'].usedBytes, pods[0]?.['ephemeral-storage'].inodesUsed], [40, 6])
})

it("resourceMetrics() has the names of Kubernetes' agents", () => {
  const lines = resourceMetrics(node, [pod]).split('\n')
  assert.ok(lines.includes('container_cpu_usage_seconds_total{container="a",namespace="shop",pod="web"} 2 2000000'))
  assert.ok(lines.includes('pod_memory_working_set_bytes{namespace="shop",pod="web"} 80 2000000'))
  assert.ok(lines.includes('node_cpu_usage_seconds_total 5 2000000'))
  assert.ok(lines.includes('# TYPE container_start_time_seconds gauge'))
})
