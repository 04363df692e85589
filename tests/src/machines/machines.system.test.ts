/** The machines themselves: what tests of installing, rebooting and losing machines rely on. */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { command } from '@davit/deploy'
import { loadImages, type Machine, ssh, startMachine } from './index.ts'

const BY_KEY = { name: 'admin' } as const
const BY_PASSWORD = { name: 'ops', sudo: 'password', password: "it's $ecret", key: false } as const

const INIT_SCRIPT = `#!/bin/sh
### BEGIN INIT INFO
# Provides: marker
# Required-Start: $remote_fs
# Required-Stop: $remote_fs
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
[ "$1" != start ] || setsid sleep 86400 </dev/null >/dev/null 2>&1 &
`

const COMPOSE = `
services:
  web:
    image: busybox:1.36
    command: sh -c "echo served >/www/index.html && exec httpd -f -p 80 -h /www"
    healthcheck: { test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/"], interval: 1s, timeout: 2s, retries: 30 }
  client:
    image: built:1
    build: .
    depends_on: { web: { condition: service_healthy } }
`

let first: Machine
let second: Machine
let third: Machine

const says = async (machine: Machine, script: string) => (await machine.exec(script)).stdout.trim()
const reaches = async (from: Machine, to: Machine) =>
  (await from.exec(`busybox ping -c 1 -W 1 ${to.address} >/dev/null`, { allowFailure: true })).code === 0

/** What there is of the three machines on this system, wherever machines leave something. */
async function traces(): Promise<string[]> {
  const lines = [
    ...(await command('ip', ['-o', 'link'])).stdout.split('\n'),
    ...(await command('ip', ['netns', 'list'])).stdout.split('\n'),
    ...(await readFile('/proc/self/mounts', 'utf8')).split('\n'),
    ...(await readdir('/var/tmp')),
    ...(await readdir('/sys/fs/cgroup', { recursive: true })),
    ...(await command('ps', ['-eo', 'args'])).stdout.split('\n'),
  ]
  return lines.filter(line => /davit-mach-9[123]/.test(line))
}

before(async () => {
  const started = performance.now()
  ;[first, second, third] = await Promise.all([
    startMachine({ index: 91, user: BY_KEY }),
    startMachine({ index: 92, user: BY_PASSWORD }),
    startMachine({ index: 93, name: 'third' }),
  ])
  console.log(`Three machines were up in ${((performance.now() - started) / 1000).toFixed(1)} s`)
})
after(() => Promise.all([first, second, third].map(machine => machine?.remove())))

test('one logs in by key or by password over SSH, and has the rights that were given', async () => {
  assert.equal((await first.ssh('whoami; hostname; sudo -n whoami')).stdout, 'admin\nmachine-91\nroot\n')
  assert.equal(
    (await first.ssh('true', { by: 'password', allowFailure: true })).code,
    255,
    'an account without a password was opened by one',
  )

  assert.equal((await second.ssh('whoami')).stdout, 'ops\n')
  assert.equal((await second.ssh('true', { by: 'key', allowFailure: true })).code, 255, 'a key opened an account that has none')
  assert.equal((await second.ssh('sudo -n true', { allowFailure: true })).code, 1, 'sudo asked for no password')
  assert.equal((await second.ssh('sudo -S -p "" whoami', { input: `${BY_PASSWORD.password}\n` })).stdout, 'root\n')

  assert.equal((await third.ssh('whoami; hostname')).stdout, 'root\nthird\n')
})

test('a machine has no Node, no npm and nothing of this repository', async () => {
  assert.equal(await says(first, 'for name in node nodejs npm npx; do ! command -v $name; done'), '')
  assert.equal(
    await says(first, "find /bin /sbin /usr /opt /srv /root /home -xdev -type f -perm /111 '(' -name node -o -name nodejs ')'"),
    '',
  )
  assert.equal(await says(first, `[ ! -e ${process.execPath} ] && [ ! -e ${fileURLToPath(import.meta.url)} ] && echo gone`), 'gone')
})

test('Docker runs containers, builds without a network, and docker-compose orders services by their health', async () => {
  await loadImages(third, ['busybox:1.36', 'node:22-alpine'])
  const seen = await third.docker(['run', '--rm', '--privileged', '--pid=host', 'busybox:1.36', 'sh', '-c', 'hostname; cat /proc/1/comm'])
  assert.match(seen.stdout, /^[0-9a-f]{12}\nsh\n$/)

  await third.exec('mkdir -p /srv/project && cat >/srv/project/docker-compose.yml', { input: COMPOSE })
  await third.exec('cat >/srv/project/Dockerfile', {
    input: 'FROM node:22-alpine\nCOPY client.mjs /\nUSER node\nCMD ["node", "/client.mjs"]\n',
  })
  await third.exec('cat >/srv/project/client.mjs', { input: "console.log(await (await fetch('http://web/')).text())\n" })
  await third.exec('cd /srv/project && docker-compose up --detach --build', { timeoutMs: 120_000 })
  assert.match(await says(third, 'cd /srv/project && docker wait project_client_1 && docker logs project_client_1'), /^0\nserved$/)
  assert.match(await says(third, 'docker inspect --format "{{.State.Health.Status}}" project_web_1'), /^healthy$/)
  await third.exec('cd /srv/project && docker-compose down', { timeoutMs: 60_000 })
})

test('a power cut ends every process at once; what was written and what starts at boot is there after the next boot', async () => {
  await loadImages(second, ['busybox:1.36'])
  await second.docker(['run', '--detach', '--restart=always', '--name=steady', 'busybox:1.36', 'sleep', '86400'])
  await second.exec('cat >/etc/init.d/marker && chmod 755 /etc/init.d/marker && update-rc.d marker defaults', { input: INIT_SCRIPT })
  await second.exec('echo kept >/etc/kept; echo lost >/run/lost; echo lost >/tmp/lost; iptables -N LOST')
  const [hostKey, pids] = [await second.hostKey(), await second.processes()]
  assert.ok(pids.length >= 6, `${pids.length} processes, wanted init, sshd, dockerd, containerd, a shim and a container at least`)

  const before = performance.now()
  await second.powerOff()
  const tookMs = performance.now() - before
  assert.deepEqual(pids.filter(isRunning), [])
  assert.deepEqual(await second.processes(), [])
  assert.ok(!(await reaches(first, second)), 'it answered while it was off')
  await assert.rejects(second.exec('true'), /Cannot reach into machine-92: it is off/)

  await second.boot()
  console.log(`Power cut ${Math.round(tookMs)} ms, boot ${Math.round(performance.now() - before - tookMs)} ms`)
  assert.equal(await says(second, 'cat /etc/kept; cat /run/lost /tmp/lost 2>/dev/null; pgrep -cx sleep'), 'kept\n2')
  assert.equal((await second.exec('iptables -S LOST', { allowFailure: true })).code, 1)
  assert.equal(await second.hostKey(), hostKey)
  assert.equal((await second.ssh('whoami')).stdout, 'ops\n')
})

test('a cut network carries nothing until it is healed, and two machines can be parted alone', async () => {
  assert.ok(await reaches(first, third))
  await third.cutNetwork()
  assert.ok(!(await reaches(first, third)))
  await third.healNetwork()
  assert.ok(await reaches(first, third))

  await third.cutFrom(first)
  assert.ok(!(await reaches(first, third)) && !(await reaches(third, first)))
  assert.ok(await reaches(third, second))
  await third.healNetwork()
  assert.ok(await reaches(first, third))
})

test('a machine behind a jump host takes SSH from there only; Docker, the clock and the disks are as asked', async t => {
  const options = { index: 94, behind: first, docker: 'none', clockOffset: -600, tinyDisks: { '/usr/local': '1m' } } as const
  const hidden = await startMachine(options)
  t.after(() => hidden.remove())
  assert.equal((await hidden.ssh('hostname')).stdout, 'machine-94\n')
  const direct = { address: hidden.address, user: hidden.user }
  assert.equal((await ssh(direct, 'true', { allowFailure: true })).code, 255, 'it took SSH from elsewhere')
  assert.ok(await reaches(hidden, third), 'it cannot reach others')

  assert.equal((await hidden.exec('command -v docker dockerd runc', { allowFailure: true })).stdout, '')
  const skewSeconds = Number(await says(hidden, 'date +%s')) - Date.now() / 1000
  assert.ok(Math.abs(skewSeconds + 600) < 5, `the clock is off by ${skewSeconds} s`)
  assert.equal((await hidden.exec('head -c 2000000 /dev/zero >/usr/local/big', { allowFailure: true })).code, 1)
  await assert.rejects(startMachine(options), /one with this index is running/)
})

test('a removed machine leaves nothing', async () => {
  assert.notDeepEqual(await traces(), [])
  await Promise.all([first, second, third].map(machine => machine.remove()))
  assert.deepEqual(await traces(), [])
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
