/** Three real etcd members, two of them lost. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemClock } from '@davit/api'
import { type BackupManifest, restoreEtcd } from '@davit/api/backup'
import { freePorts } from '@davit/api/testing'
import { command } from '@davit/deploy'
import type { MemberStatus } from './plan.ts'
import { type MemberHost, recover } from './recover.ts'

interface Place {
  readonly name: string
  readonly dir: string
  readonly url: string
  readonly peerUrl: string
}

class Member {
  readonly place: Place
  readonly #cluster: string
  #child: ChildProcess | undefined

  constructor(place: Place, all: readonly Place[]) {
    this.place = place
    this.#cluster = all.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',')
  }

  start(...extra: string[]): void {
    const { name, dir, url, peerUrl } = this.place
    const flags = ['--name', name, '--data-dir', join(dir, 'data'), '--listen-client-urls', url, '--advertise-client-urls', url]
    flags.push(
      '--listen-peer-urls',
      peerUrl,
      '--initial-advertise-peer-urls',
      peerUrl,
      '--initial-cluster',
      this.#cluster,
      '--log-level',
      'error',
    )
    this.#child = spawn('etcd', [...flags, ...extra], { stdio: 'ignore' })
    const child = this.#child
    process.once('exit', () => child.kill('SIGKILL'))
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  /** etcd's own JSON over HTTP. */
  async call(path: string, body: object = {}, timeoutMs = 2000): Promise<Record<string, unknown>> {
    const response = await fetch(this.place.url + path, {
      method: 'POST',
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok) throw new Error(await response.text())
    return (await response.json()) as Record<string, unknown>
  }

  put(key: string): Promise<unknown> {
    return this.call('/v3/kv/put', { key: Buffer.from(key).toString('base64'), value: 'eA==' })
  }

  async keys(): Promise<Set<string>> {
    const { kvs = [] } = (await this.call('/v3/kv/range', { key: 'AA==', range_end: 'AA==', keys_only: true })) as {
      kvs?: { key: string }[]
    }
    return new Set(kvs.map(({ key }) => Buffer.from(key, 'base64').toString()))
  }

  async status(): Promise<MemberStatus & { isLeader: boolean }> {
    const found = (await this.call('/v3/maintenance/status')) as {
      header: { revision: string; member_id: string }
      leader?: string
      raftIndex: string
      raftTerm: string
    }
    const { revision, member_id: id } = found.header
    return {
      revision: Number(revision),
      raftIndex: Number(found.raftIndex),
      raftTerm: Number(found.raftTerm),
      isLeader: found.leader === id,
    }
  }

  /** Until a linearizable read succeeds. */
  async healthy(): Promise<void> {
    for (const deadline = performance.now() + 20_000; performance.now() < deadline; await delay(50)) {
      if (await this.keys().catch(() => undefined)) return
    }
    throw new Error(`${this.place.name} does not become healthy`)
  }
}

let dir: string
let members: Member[]
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'davit-recover-'))
  const ports = await freePorts(6)
  const places = [0, 1, 2].map(at => ({
    name: `m${at}`,
    dir: join(dir, `m${at}`),
    url: `http://127.0.0.1:${ports[2 * at]}`,
    peerUrl: `http://127.0.0.1:${ports[2 * at + 1]}`,
  }))
  members = places.map(place => new Member(place, places))
  for (const member of members) member.start()
  await Promise.all(members.map(member => member.healthy()))
})
afterEach(async () => {
  await Promise.all(members.map(member => member.kill()))
  await rm(dir, { recursive: true, force: true })
})

function hostOf(survivor: Member): MemberHost {
  const { place } = survivor
  const dataDir = join(place.dir, 'data')
  return {
    member: place.name,
    members: members.map(member => member.place.name),
    answering: async () => {
      const answers = await Promise.all(
        members.map(member =>
          member.keys().then(
            () => [member.place.name],
            () => [],
          ),
        ),
      )
      return answers.flat()
    },
    status: () => survivor.status().catch(() => undefined),
    stop: () => survivor.kill('SIGTERM'),
    copyData: async () => {
      await cp(dataDir, join(dir, 'copy'), { recursive: true })
      return join(dir, 'copy')
    },
    restore: async snapshot => {
      await rm(dataDir, { recursive: true })
      await restoreEtcd({ snapshot, dataDir, name: place.name, initialCluster: `${place.name}=${place.peerUrl}`, peerUrl: place.peerUrl })
    },
    runAlone: async () => {
      survivor.start('--force-new-cluster')
      await survivor.healthy()
      const { revision } = await survivor.status()
      await survivor.kill('SIGTERM')
      return revision
    },
    start: async () => {
      survivor.start()
      await survivor.healthy()
    },
  }
}

const yes = { confirm: async () => true, report: () => {}, clock: systemClock, silenceMs: 2000 }

describe('recover()', () => {
  it('refuses while the quorum lives, and changes nothing', async () => {
    const [first, second] = members as [Member, Member, Member]
    await second.kill()
    await assert.rejects(
      recover(hostOf(first), { ...yes, silenceMs: 15_000 }),
      /etcd has its quorum: .*m0.* Recovering would cut the others off/,
    )
    await first.put('still-writable')
  })

  it('does nothing unless it is confirmed', async () => {
    const [first, second, third] = members as [Member, Member, Member]
    await Promise.all([second.kill(), third.kill()])
    const lines: string[] = []
    assert.equal(await recover(hostOf(first), { ...yes, confirm: async () => false, report: line => lines.push(line) }), undefined)
    assert.match(lines.join('\n'), /m1, m2 are no longer part of it/)
    assert.match(lines.join('\n'), /MAY BE LOST: changes acknowledged in the last moments/)
    assert.ok(await first.status(), 'it still runs')
  })

  it('keeps every acknowledged write when the member that led survives the loss of the others under load', async () => {
    const statuses = await Promise.all(members.map(member => member.status()))
    const survivor = members[statuses.findIndex(({ isLeader }) => isLeader)] as Member
    const acknowledged = new Set<string>()
    let going = true
    const writers = [0, 1, 2, 3].map(async writer => {
      for (let at = 0; going; at++) {
        const key = `w/${writer}/${at}`
        await survivor.put(key).then(
          () => acknowledged.add(key),
          () => delay(10),
        )
      }
    })
    while (acknowledged.size < 500) await delay(10)
    await Promise.all(members.filter(member => member !== survivor).map(member => member.kill()))
    going = false
    await Promise.all(writers)
    const lines: string[] = []
    const result = await recover(hostOf(survivor), { ...yes, report: line => lines.push(line) })
    assert.ok(result && result.revision >= acknowledged.size)
    const keys = await survivor.keys()
    assert.deepEqual(
      [...acknowledged].filter(key => !keys.has(key)),
      [],
      'no acknowledged write is lost',
    )
    assert.match(lines.join('\n'), /It stands at revision \d+ .*none if it led them/)
    await survivor.put('writable-again')
    const list = (await survivor.call('/v3/cluster/member/list')) as { members: unknown[] }
    assert.equal(list.members.length, 1)
    await assert.rejects(recover(hostOf(survivor), yes), /etcd has its quorum/)
  })

  it('keeps what a follower had when the load had stopped', async () => {
    const statuses = await Promise.all(members.map(member => member.status()))
    const survivor = members[statuses.findIndex(({ isLeader }) => !isLeader)] as Member
    for (let at = 0; at < 100; at++) await survivor.put(`w/${at}`)
    // A follower learns with the next heartbeat what is committed.
    await delay(300)
    await Promise.all(members.filter(member => member !== survivor).map(member => member.kill()))
    await recover(hostOf(survivor), yes)
    assert.equal([...(await survivor.keys())].filter(key => key.startsWith('w/')).length, 100)
  })

  it('starts from a backup when that is asked for', async () => {
    const [first, second, third] = members as [Member, Member, Member]
    await first.put('in-the-backup')
    const snapshot = join(dir, 'snapshot.db')
    await command('etcdctl', ['--endpoints', first.place.url, 'snapshot', 'save', snapshot], { env: { ...process.env, ETCDCTL_API: '3' } })
    const { revision } = await first.status()
    await first.put('after-the-backup')
    await Promise.all([second.kill(), third.kill()])
    const lines: string[] = []
    const manifest = { created: '2026-01-02T03:04:05Z', etcd: { version: '3.4.23', revision } } as BackupManifest
    await recover(hostOf(first), { ...yes, archive: { manifest, snapshot }, report: line => lines.push(line) })
    assert.deepEqual([...(await first.keys())], ['in-the-backup'])
    assert.match(
      lines.join('\n'),
      /LOST: every change since 2026-01-02T03:04:05Z. This member has revision 3: about 1 changes would be lost/,
    )
  })
})
