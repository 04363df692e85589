/** `davit node` on machines with a real sshd and a real Docker: from SSH to Ready and back, and everything that can be wrong with a machine. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import { createJoinToken, isNodeReady, nodeKind, systemClock } from '@davit/api'
import type { CommandResult } from '@davit/deploy'
import { type Machine, type MachineOptions, scratch, startMachine, testbedKey } from './machines/index.ts'
import { type NodeCluster, packagedAgent, startNodeCluster } from './node-cluster.ts'

const PORT = 19_443
const PASSWORD = "it's a secret $1"

let cluster: NodeCluster
let agent: string
const machines: Machine[] = []

before(async () => {
  agent = await packagedAgent(await scratch())
  cluster = await startNodeCluster({ port: PORT })
})
afterEach(removeMachines)
after(async () => {
  await removeMachines()
  await cluster?.stop()
})

async function removeMachines(): Promise<void> {
  for (const machine of machines.splice(0).reverse()) await machine.remove()
  for (const { metadata } of (await cluster.client.resource(nodeKind).list()).items)
    await cluster.client.resource(nodeKind).delete({ name: metadata.name ?? '' })
  await writeFile(join(cluster.home.dir, '.ssh/known_hosts'), '')
}

async function start(...options: MachineOptions[]): Promise<Machine[]> {
  for (const each of options) {
    const behind = each.behind ?? undefined
    machines.push(await startMachine({ ...each, ...(behind && { behind }) }))
  }
  await cluster.configure(machines)
  return machines
}

/** A single machine called `one`, logged in to as root by key. */
async function startOne(options: Partial<MachineOptions> = {}): Promise<Machine> {
  const [machine] = await start({ index: 40, name: 'one', ...options })
  assert.ok(machine)
  return machine
}

const add = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> =>
  cluster.davit(['node', 'add', '--agent', agent, ...args], { env, allowFailure: true })

async function refuses(args: readonly string[], message: RegExp, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const { code, stdout, stderr } = await add(['--accept-host-key', ...args], env)
  assert.match(stderr, message, stdout)
  assert.equal(code, 1)
}

async function adds(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await add(['--accept-host-key', ...args])
  assert.equal(code, 0, stdout + stderr)
  return stdout
}

/** Lines that are in one and not in the other, so that a failure can be read. */
function assertSame(found: string, wanted: string): void {
  const lines = (text: string) => new Set(text.split('\n'))
  const [a, b] = [lines(found), lines(wanted)]
  assert.deepEqual({ added: [...a].filter(line => !b.has(line)), gone: [...b].filter(line => !a.has(line)) }, { added: [], gone: [] })
}

/** All that an agent could leave on a machine. */
async function traces(machine: Machine): Promise<string> {
  const { stdout } = await machine.exec(`
find /etc /usr/local /var/lib/davit /var/log /run /root -not -path '*/docker*' -not -path '/run/containerd*' -not -path '/run/sshd*' -not -path '/run/sudo*' 2>/dev/null | grep -v -e '^/etc$' -e '\\.log$' -e /etc/mtab -e utmp -e motd.dynamic -e '^/run/xtables' | sort
docker ps -aq; docker network ls --format '{{.Name}}'; docker volume ls -q
ip -o link | cut -d: -f2; ip route; ip rule; ip -4 -o addr show dev lo
for table in filter nat mangle raw; do iptables -t $table -S; done
ps -eo args | grep -i '[d]avit'; mount | grep -i davit; crontab -l 2>/dev/null; true`)
  return stdout
}

describe('davit node add', () => {
  it('makes three machines nodes at once, whatever the way in, and changes nothing when it is run again', async () => {
    const [root, byPassword, jump] = await start(
      { index: 40, name: 'alpha' },
      { index: 41, name: 'beta', user: { name: 'admin', sudo: 'password', password: PASSWORD, key: false } },
      { index: 42, name: 'hop', docker: 'installed' },
    )
    assert.ok(root && byPassword && jump)
    await start({ index: 43, name: 'gamma', behind: jump, user: { name: 'ops', sudo: 'nopasswd' } })
    const [before, beforePassword] = [await traces(root), await traces(byPassword)]
    const env = { DAVIT_SSH_PASSWORD: PASSWORD }
    const hosts = ['root@10.204.0.50', 'beta', 'gamma', '--label', 'disk=ssd', '--taint', 'slow=yes:PreferNoSchedule']
    const key = ['-i', (await testbedKey()).privateKeyFile]

    const dry = await add(['--accept-host-key', ...key, '--dry-run', ...hosts], env)
    assert.match(dry.stdout, /beta: would upload the agent/)
    assert.match(dry.stdout, /✓ gamma +would become node "gamma"/)
    assertSame(await traces(root), before)

    const first = await add([...key, ...hosts], env)
    assert.equal(first.code, 0, first.stdout + first.stderr)
    for (const name of ['alpha', 'beta', 'gamma']) {
      const node = await cluster.client.resource(nodeKind).get({ name })
      assert.ok(isNodeReady(node))
      assert.equal(node.metadata.labels?.disk, 'ssd')
      assert.deepEqual(node.spec?.taints, [{ key: 'slow', value: 'yes', effect: 'PreferNoSchedule' }])
    }
    const gamma = await cluster.client.resource(nodeKind).get({ name: 'gamma' })
    assert.equal(gamma.metadata.annotations?.['davit.dev/ssh'], 'ops@gamma:22')

    const state = await Promise.all(machines.filter(({ name }) => name !== 'hop').map(traces))
    const again = await add([...key, ...hosts], env)
    assert.equal(again.code, 0, again.stdout + again.stderr)
    assert.equal((again.stdout.match(/is node "\w+" already/g) ?? []).length, 3, again.stdout)
    assert.doesNotMatch(again.stdout, /uploading|restarting/)
    for (const [index, machine] of machines.filter(({ name }) => name !== 'hop').entries())
      assertSame(await traces(machine), state[index] ?? '')
    assert.match((await byPassword.exec('stat -c %a /etc/davit/node-agent.yaml; ls /etc/davit')).stdout, /^600\nnode-agent.yaml\n$/)

    const shell = await cluster.davit(['node', 'ssh', 'gamma', '--', 'hostname; exit 3'], { allowFailure: true })
    assert.deepEqual([shell.code, shell.stdout], [3, 'gamma\n'])
    assert.match((await cluster.davit(['node', 'logs', 'beta', '--tail', '40'], { env })).stdout, /"msg":"The agent runs"/)
    assert.equal((await cluster.davit(['node', 'logs', 'beta', '--since', '0s'], { env })).stdout, '')
    assert.match((await cluster.davit(['node', 'list'])).stdout, /alpha +Ready +10\.204\.0\.50 .* root@10\.204\.0\.50:22/)

    await cluster.davit(['node', 'remove', 'alpha', ...key])
    assertSame(await traces(root), before)
    const removed = await cluster.davit(['node', 'remove', 'admin@10.204.0.51', 'gamma'], { env })
    assert.match(removed.stdout, /removed, was node "beta"/)
    assert.equal((await cluster.client.resource(nodeKind).list()).items.length, 0)
    assertSame(await traces(byPassword), beforePassword)
  })

  it('installs Docker where it is missing, when told to', async () => {
    const machine = await startOne({ docker: 'none' })
    await refuses(['one'], /It has no Docker: give --install-docker.* \[docker\]/)
    assert.match(await adds('one', '--install-docker'), /installing Docker with apt-get[\s\S]*is node "one"/)
    assert.match((await machine.exec('docker info -f "{{.LiveRestoreEnabled}}"')).stdout, /true/)
  })

  it('names the programs an agent lacks, and installs them when told to', async () => {
    const machine = await startOne()
    await machine.exec('dpkg --purge --force-depends iproute2 conntrack')
    await refuses(['one'], /It lacks ip, bridge: install iproute2, or give --install-docker, which installs that too \[programs\]/)
    const dry = await adds('one', '--dry-run', '--install-docker')
    assert.match(dry, /one: would install iproute2, conntrack with apt-get/)
    assert.match(await adds('one', '--install-docker'), /installing iproute2, conntrack with apt-get[\s\S]*is node "one"/)
    assert.match((await machine.exec('command -v ip; command -v conntrack')).stdout, /ip\n.*conntrack\n/)
    await machine.exec('dpkg --purge --force-depends conntrack')
    assert.match(await adds('one'), /It lacks conntrack: install conntrack, .*a request may be lost[\s\S]*is node "one" already/)
  })

  it('takes hosts from an inventory, each with its own', async () => {
    await start({ index: 40, name: 'one' }, { index: 41, name: 'two', user: { name: 'admin' } })
    const inventory = join(await scratch(), 'hosts.yaml')
    await writeFile(
      inventory,
      `defaults: { labels: { zone: a } }
hosts:
  - one
  - { host: 10.204.0.51, user: admin, port: 22, name: second, identityFile: ${(await testbedKey()).privateKeyFile}, labels: { zone: b }, flags: { max-pods: 20 } }
`,
    )
    await adds('-f', inventory)
    const node = await cluster.client.resource(nodeKind).get({ name: 'second' })
    assert.deepEqual([node.metadata.labels?.zone, node.status?.capacity?.pods], ['b', '20'])
  })

  it('goes on where an upload was cut', async () => {
    const machine = await startOne()
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, '../../cli/dist/main.js'), 'node', 'add', '--agent', agent, '--accept-host-key', 'one'],
      {
        env: { PATH: process.env.PATH, HOME: cluster.home.dir, KUBECONFIG: cluster.home.kubeconfig },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk))
    await new Promise<void>(resolve => child.stdout.on('data', (chunk: Buffer) => chunk.includes('uploading') && resolve()))
    // The first bytes are there, the last are not.
    await machine.exec('until [ -s /usr/local/bin/davit-node-agent.davit-part ]; do :; done; pkill -KILL -f "[s]shd: root@"')
    assert.equal(await new Promise(resolve => child.once('close', resolve)), 1)
    assert.match(said, /The connection to root@one:22 was lost/)
    assert.match((await machine.exec('ls /usr/local/bin; ls /etc/davit 2>&1; ls /var/lib/davit 2>&1; true')).stdout, /No such file/)
    await adds('one')
    assert.equal((await machine.exec('ls /usr/local/bin')).stdout, 'davit-node-agent\n')
  })

  it('joins by hand with the printed command, and says why a token does not work', async () => {
    const machine = await startOne()
    await writeFile(machine.path('/root/davit-node-agent'), await readFile(agent), { mode: 0o755 })
    const { stdout: line } = await cluster.davit(['token', 'create', '--node-name', 'one', '--print-join-command'])
    assert.match(
      line,
      /^echo \S+ \| sudo \/usr\/local\/bin\/davit-node-agent install --server https:\/\/10\.204\.0\.1:19443 --ca-hash sha256:\w{64} --node-name one --token-file -\n$/,
    )
    const here = (text: string) => text.replace('sudo /usr/local/bin/davit-node-agent', '/root/davit-node-agent')
    const joined = await machine.exec(here(line))
    assert.match(joined.stdout, /Joined the cluster as node "one"[\s\S]*Started the agent/)
    assert.equal((await machine.exec(here(line))).stdout, 'Everything is as it should be\n')

    await machine.exec('davit-node-agent uninstall')
    await cluster.client.resource(nodeKind).delete({ name: 'one' })
    const twice = await machine.exec(here(line), { allowFailure: true })
    assert.equal(twice.code, 1)
    assert.match(twice.stderr, /The cluster refused node "one": .*token/)
    const expired = await createJoinToken(cluster.client, { clock: { ...systemClock, now: () => Date.now() - 7_200_000 }, nodeName: 'one' })
    const late = await machine.exec(here(line.replace(/^echo \S+/, `echo ${expired}`)), { allowFailure: true })
    assert.equal(late.code, 1)
    assert.match(late.stderr, /The cluster refused node "one": .*(expired|ended)/)
    assert.doesNotMatch((await machine.exec('ls /etc/init.d /etc/davit 2>&1; true')).stdout, /davit-node-agent|yaml/)
    await adds('one')
  })
})

describe('davit node add says in one line what is wrong and what to do, and can be run again', () => {
  const fake = (name: string, script: string) =>
    `printf '%s\\n' '#!/bin/sh' ${`'${script.replaceAll("'", `'\\''`)}'`} >/usr/local/bin/${name}; chmod 755 /usr/local/bin/${name}`

  it('a key that is not let in', async () => {
    await startOne({ user: { name: 'root', key: false } })
    await refuses(
      ['root@10.204.0.50'],
      /error: root@10\.204\.0\.50: 10\.204\.0\.50:22 does not let "root" in: .* Put your key there with "ssh-copy-id root@10\.204\.0\.50"/,
    )
  })

  it('a host key that is not known, or changed', async () => {
    await startOne()
    const unknown = await add(['one'])
    assert.equal(unknown.code, 1)
    assert.match(
      unknown.stderr,
      /10\.204\.0\.50 is not in known_hosts and nobody can be asked; its key is ssh-ed25519 SHA256:\S+: .*--accept-host-key/,
    )
    await writeFile(
      join(cluster.home.dir, '.ssh/known_hosts'),
      '10.204.0.50 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\n',
    )
    await refuses(
      ['one'],
      /The key of 10\.204\.0\.50 has CHANGED: it shows ssh-ed25519 SHA256:\S+, but .* has ssh-ed25519 SHA256:\S+\. .*ssh-keygen -R/,
    )
  })

  it('no sudo, or none without a password', async () => {
    await start(
      { index: 40, name: 'one', user: { name: 'admin', sudo: 'none', password: PASSWORD } },
      { index: 41, name: 'two', user: { name: 'admin', sudo: 'password', password: PASSWORD } },
    )
    await refuses(
      ['one'],
      /admin@one:22 cannot become root: sudo does not allow it; let "admin" use sudo there \("usermod -aG sudo admin"\), or connect as root/,
      {
        DAVIT_SUDO_PASSWORD: PASSWORD,
      },
    )
    await refuses(
      ['two'],
      /admin@two:22 cannot become root: sudo asks for a password, and nobody can be asked for it; set DAVIT_SUDO_PASSWORD/,
    )
    await refuses(['two'], /sudo does not take the password/, { DAVIT_SUDO_PASSWORD: 'wrong' })
    const { code } = await add(['two'], { DAVIT_SUDO_PASSWORD: PASSWORD })
    assert.equal(code, 0)
  })

  it('no space', async () => {
    await startOne({ tinyDisks: { '/usr/local': '8m' } })
    await refuses(['one'], /There are 8 MB free for \/usr\/local\/bin, wanted 300 MB: make room \[space\]/)
    // Told to try all the same, it finds out, and leaves nothing half done.
    await refuses(
      ['one', '--skip-preflight', 'space'],
      /could not be put on root@one:22: there is no space in \/usr\/local\/bin, wanted \d+ MB; make room/,
    )
    assert.equal((await machines[0]?.exec('ls /usr/local/bin'))?.stdout, '')
  })

  it('another processor, another system, an old Docker, one that does not run', async () => {
    const machine = await startOne()
    for (const [script, message] of [
      [
        fake('uname', 'case $1 in -m) echo riscv64 ;; *) exec /bin/uname "$@" ;; esac'),
        /Its processor is riscv64: there is an agent for x86_64 and aarch64; .*\[architecture\]/,
      ],
      [fake('uname', 'case $1 in -s) echo FreeBSD ;; *) exec /bin/uname "$@" ;; esac'), /It runs .*: nodes need Linux \[os\]/],
      [
        fake('docker', 'case $1 in info) echo 19.03.8 true /var/lib/docker ;; *) echo 19.03.8 ;; esac'),
        /Its Docker is 19\.03\.8, wanted 20\.10 or later: upgrade it \[docker\]/,
      ],
      [
        fake('docker', 'case $1 in info) exit 1 ;; *) echo 20.10.24 ;; esac').concat(
          '; printf "#!/bin/sh\\nexit 7\\n" >/usr/local/bin/curl; chmod 755 /usr/local/bin/curl',
        ),
        /Its Docker does not run: start it/,
      ],
    ] as const) {
      await machine.exec(`rm -f /usr/local/bin/*; ${script}`)
      await refuses(['one'], message)
    }
    await machine.exec('rm -f /usr/local/bin/*')
    await adds('one')
  })

  it('the API out of reach from there', async () => {
    const machine = await startOne()
    await machine.exec(`iptables -I OUTPUT -p tcp --dport ${PORT} -j REJECT`)
    await refuses(
      ['one'],
      /It does not reach the API at https:\/\/10\.204\.0\.1:19443 \(.+\): open the way from there, or correct the address with --api-server \[reach\]/,
    )
    await machine.exec(`iptables -D OUTPUT -p tcp --dport ${PORT} -j REJECT`)
    await adds('one')
  })

  it('a clock 10 minutes off', async () => {
    await startOne({ clockOffset: -600 })
    await refuses(['one'], /Its clock is (10 min 0 s|9 min 59 s|10 min 1 s) behind the API's: set it, best by NTP .*\[clock\]/)
    assert.match(await adds('one', '--skip-preflight', 'clock'), /behind the API's[\s\S]*is node "one"/)
  })

  it('a machine of another cluster, a name that is taken, a network in the way', async () => {
    const machine = await startOne()
    const identity = {
      nodeName: 'elsewhere',
      clusterId: '00000000-0000-0000-0000-000000000000',
      certificateAuthority: '',
      certificate: '',
      key: '',
    }
    await machine.exec(
      `mkdir -p /var/lib/davit/node/identity; echo '${JSON.stringify(identity)}' >/var/lib/davit/node/identity/identity.json`,
    )
    await refuses(
      ['one'],
      /It is node "elsewhere" of another cluster .*: take it out there with "davit node remove elsewhere", or run "davit-node-agent uninstall" on it \[membership\]/,
    )
    await machine.exec(
      'rm -r /var/lib/davit/node; ip link add stray type bridge; ip addr add 10.244.7.1/24 dev stray; ip link set stray up',
    )
    await refuses(['one'], /Its? .*10\.244\.7\.\S+ .*lies in the range of the cluster's pods, 10\.244\.0\.0\/16: .*\[subnets\]/i)
    await machine.exec('ip link del stray')
    await adds('one')
    await refuses(['one', '--name', 'other'], /It is node "one" already, wanted "other"/)
    await start({ index: 41, name: 'two' })
    await refuses(
      ['two', '--name', 'one'],
      /There is a node "one" that lives, on another machine: give this one another name with --name \[name\]/,
    )
  })
})

describe('davit node remove', () => {
  it('goes on without a machine that is gone, when forced', async () => {
    const machine = await startOne()
    await adds('one')
    await machine.powerOff()
    const plain = await cluster.davit(['node', 'remove', 'one'], { allowFailure: true })
    assert.equal(plain.code, 1)
    assert.match(plain.stderr, /error: one: .*(does not answer|no way)/)
    await cluster.davit(['node', 'remove', 'one', '--force', '--drain-timeout', '5s'])
    assert.equal((await cluster.client.resource(nodeKind).list()).items.length, 0)
  })
})
