import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, describe, it } from 'node:test'
import { type Logger, systemClock } from '@davit/api'
import { createPod, mustCommit, pod, podKey, pods, silentLog, startStorage } from '../testing/objects.ts'
import { findEtcd } from './etcd-process.ts'
import { type EmbeddedEtcd, runEmbeddedEtcd } from './run-embedded-etcd.ts'

describe('runEmbeddedEtcd()', () => {
  const directories: string[] = []
  let dataDir: string
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'davit-embedded-'))
    directories.push(dataDir)
  })
  after(() => Promise.all(directories.map(directory => rm(directory, { recursive: true, force: true }))))

  const pidOf = async () => (JSON.parse(await readFile(join(dataDir, 'etcd.json'), 'utf8')) as { pid: number }).pid
  async function run(test: (etcd: EmbeddedEtcd) => Promise<void>, log: Logger = silentLog): Promise<void> {
    const abort = new AbortController()
    const etcd = await runEmbeddedEtcd({ dataDir, log, signal: abort.signal })
    try {
      await test(etcd)
    } finally {
      abort.abort()
      await etcd.stopped
    }
  }

  it('starts etcd, and leaves none behind when stopped', async () => {
    await run(async ({ urls }) => {
      await using storage = await startStorage(urls)
      await createPod(storage, pod('a'))
    })
    assert.equal(await findEtcd(join(dataDir, 'data'), undefined, systemClock), undefined)
  })

  it('keeps data and address over a restart of the control plane', async () => {
    let first: string[] = []
    await run(async ({ urls }) => {
      first = urls
      await using storage = await startStorage(urls)
      await createPod(storage, pod('a'))
    })
    await run(async ({ urls }) => {
      assert.deepEqual(urls, first)
      await using storage = await startStorage(urls)
      assert.ok(await storage.get(pods, podKey('a')))
    })
  })

  it('starts etcd again after kill -9, and storage goes on by itself', async () => {
    await run(async ({ urls }) => {
      await using storage = await startStorage(urls)
      const before = await createPod(storage, pod('a'))
      const pid = await pidOf()
      process.kill(pid, 'SIGKILL')
      const written = await untilWritten(storage, pod('b'))
      assert.ok(written > before)
      await storage.reached(written)
      assert.notEqual(await pidOf(), pid)
    })
  })

  it('adopts the etcd that a killed control plane left behind', async () => {
    const { child, urls } = await startControlPlane(dataDir)
    const pid = await pidOf()
    child.kill('SIGKILL')
    await once(child, 'exit')
    const messages: string[] = []
    await run(
      async adopted => {
        assert.deepEqual(adopted.urls, urls)
        assert.equal(await pidOf(), pid)
        await using storage = await startStorage(adopted.urls)
        await createPod(storage, pod('a'))
        // An adopted one is watched over as well.
        process.kill(pid, 'SIGKILL')
        await untilWritten(storage, pod('b'))
      },
      { ...silentLog, info: (_, message) => void messages.push(message) },
    )
    assert.equal(messages[0], 'Adopted a running etcd')
    assert.equal(await findEtcd(join(dataDir, 'data'), undefined, systemClock), undefined)
  })

  it('refuses a directory that another control plane uses', async () => {
    await run(async () => {
      const second = runEmbeddedEtcd({ dataDir, log: silentLog, signal: AbortSignal.timeout(20_000) })
      await assert.rejects(second, /another control plane is running on it/)
    })
  })

  it('says what is missing when there is no etcd', async () => {
    const started = runEmbeddedEtcd({ dataDir, log: silentLog, signal: AbortSignal.timeout(20_000), binary: 'no-such-etcd' })
    await assert.rejects(started, /Cannot start "no-such-etcd": no such program; install etcd/)
  })

  it('shows the end of the log when etcd does not come up', async () => {
    const started = runEmbeddedEtcd({ dataDir, log: silentLog, signal: AbortSignal.timeout(20_000), binary: '/bin/false' })
    await assert.rejects(started, /it did not become healthy/)
  })
})

/** Writes fail while etcd is away; a client tries again, and so does this. */
async function untilWritten(storage: Awaited<ReturnType<typeof startStorage>>, object: ReturnType<typeof pod>): Promise<number> {
  for (;;) {
    try {
      return await mustCommit(storage, [{ type: 'create', key: podKey(object.metadata.name as string), value: object }])
    } catch (error) {
      assert.ok(error instanceof Error && 'code' in error && (error.code === 503 || error.code === 504), String(error))
      await systemClock.sleep(20)
    }
  }
}

/** Another process that runs the embedded etcd, to be killed. */
async function startControlPlane(dataDir: string): Promise<{ child: ChildProcess; urls: string[] }> {
  const program = `
    import { runEmbeddedEtcd } from ${JSON.stringify(new URL('./run-embedded-etcd.js', import.meta.url).href)}
    const log = { debug() {}, info() {}, warn() {}, error() {} }
    const { urls } = await runEmbeddedEtcd({ dataDir: ${JSON.stringify(dataDir)}, log, signal: new AbortController().signal })
    console.log(JSON.stringify(urls))
    setInterval(() => {}, 1000)
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, urls: JSON.parse(line.toString()) as string[] }
}
