/** Against a real sshd on loopback; what needs passwords, against ssh2's own server. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { after, before, describe, it } from 'node:test'
import { connectSsh, type Prompter, SshError, type SshHost, type SshOptions } from './index.ts'
import { startSshd, type TestSshd } from './test-sshd.ts'

const NOBODY: Prompter = {
  isInteractive: false,
  secret: async question => assert.fail(question),
  confirm: async question => assert.fail(question),
}
const hasSshd = existsSync('/usr/sbin/sshd')

/** A home of its own, in which the host's key is known or not. */
function homeFor(sshd: TestSshd, name: string, { known = '', config = '' } = {}): Pick<SshOptions, 'env' | 'prompter' | 'configFile'> {
  const home = join(sshd.dir, name)
  mkdirSync(join(home, '.ssh'), { recursive: true })
  writeFileSync(join(home, '.ssh/known_hosts'), known)
  writeFileSync(
    join(home, '.ssh/config'),
    `Host web\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  IdentityFile ${sshd.identityFile}\n  UserKnownHostsFile ${home}/.ssh/known_hosts\n${config}`,
  )
  return { env: { HOME: home }, prompter: NOBODY, configFile: join(home, '.ssh/config') }
}

function rejectsWith(promise: Promise<unknown>, problem: string, message: RegExp): Promise<void> {
  return assert.rejects(promise, (err: unknown) => {
    assert.ok(err instanceof SshError, String(err))
    assert.equal(err.problem, problem)
    assert.match(err.message, message)
    return true
  })
}

describe('connectSsh()', { skip: !hasSshd }, () => {
  let sshd: TestSshd
  let host: SshHost
  before(async () => {
    sshd = await startSshd()
    host = await connectSsh('web', homeFor(sshd, 'main', { known: `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n` }))
  })
  after(async () => {
    host.close()
    await sshd.stop()
  })

  it('runs commands with their input, output and exit code', async () => {
    assert.deepEqual(await host.run('cat; echo "it\'s" >&2; exit 3', { input: 'x y\n' }), { code: 3, stdout: 'x y\n', stderr: "it's\n" })
    const lines: string[] = []
    const { stdout } = await host.run('printf "a\\nb\\nc"', { onLine: line => lines.push(line) })
    assert.deepEqual([lines, stdout], [['a', 'b', 'c'], ''])
    assert.equal((await host.run('wc -c', { input: Readable.from([Buffer.alloc(300_000), Buffer.alloc(7)]) })).stdout.trim(), '300007')
    await rejectsWith(host.demand('look', 'echo "not there" >&2; exit 1'), 'command', /^Cannot look: not there$/)
  })

  it('gives up at the deadline and when told to', async () => {
    await rejectsWith(host.run('sleep 30', { timeoutMs: 100 }), 'deadline', /did not finish within 0.1 s/)
    const stop = new AbortController()
    const running = host.run('echo on; sleep 30', { signal: stop.signal, onLine: () => stop.abort(new Error('enough')) })
    await assert.rejects(running, /enough/)
    assert.equal((await host.run('echo still')).stdout, 'still\n')
  })

  it('uploads in one step, and leaves nothing of an upload that broke off', async () => {
    const bytes = randomBytes(1_500_000)
    const path = join(sshd.dir, 'up load/agent')
    let share = 0
    await host.upload(bytes, path, { mode: 0o750, onProgress: now => (share = now) })
    assert.equal(createHash('sha256').update(readFileSync(path)).digest('hex'), createHash('sha256').update(bytes).digest('hex'))
    assert.deepEqual([statSync(path).mode & 0o777, share], [0o750, 1])

    const cut = { sha256: 'ab'.repeat(32), sizeBytes: 9, gzipped: Buffer.from('1f8b0800000000000003', 'hex') }
    await rejectsWith(host.upload(cut, path, { mode: 0o750 }), 'command', /agent could not be put on .*unexpected end of file/)
    const wrong = { sha256: 'ab'.repeat(32), sizeBytes: 0, gzipped: execFileSync('gzip', ['-c'], { input: 'x' }) }
    await rejectsWith(host.upload(wrong, path, { mode: 0o750 }), 'command', /what arrived is not what was sent/)
    assert.deepEqual(readdirSync(join(sshd.dir, 'up load')), ['agent'])
    assert.equal(statSync(path).size, bytes.length)
  })

  it('gives a terminal of a size that changes', async () => {
    let resized = () => {}
    let size = { columns: 91, rows: 13 }
    const said: string[] = []
    const stdout = new PassThrough()
    stdout.on('data', (chunk: Buffer) => {
      said.push(chunk.toString())
      if (!chunk.includes('13 91')) return
      size = { columns: 44, rows: 7 }
      resized()
    })
    const listen = (listener: () => void) => {
      resized = listener
      return () => {}
    }
    const window = { term: 'xterm', read: () => size, onChange: listen }
    const code = await host.shell('stty size; while [ "$(stty size)" = "13 91" ]; do sleep 0.02; done; stty size; exit 5', {
      stdin: new Readable({ read() {} }),
      stdout,
      stderr: stdout,
      window,
    })
    assert.equal(code, 5)
    assert.match(said.join(''), /13 91\r\n7 44/)
  })

  it('says that the connection was lost', async () => {
    const other = await connectSsh('web', homeFor(sshd, 'main', { known: `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n` }))
    await rejectsWith(other.run('kill -9 $PPID; sleep 30'), 'lost', /connection to .* was lost/)
    await rejectsWith(other.run('true'), 'lost', /was lost/)
  })

  it('goes through a jump host', async () => {
    const config = `Host inner\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  ProxyJump web\n  IdentityFile ${sshd.identityFile}\n  UserKnownHostsFile ${sshd.dir}/main/.ssh/known_hosts\n`
    const through = await connectSsh('inner', homeFor(sshd, 'jump', { known: `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n`, config }))
    const ports = (await through.run('echo $SSH_CONNECTION')).stdout.trim().split(' ')
    assert.equal(ports[3], String(sshd.port))
    through.close()
  })

  it('refuses an unknown host when nobody can be asked, showing its fingerprint', () =>
    rejectsWith(
      connectSsh('web', homeFor(sshd, 'unknown')),
      'host-key',
      /not in known_hosts and nobody can be asked; its key is ssh-ed25519 SHA256:.*--accept-host-key/,
    ))

  it('asks about an unknown host, notes it, and does not ask again', async () => {
    const options = homeFor(sshd, 'asked')
    const asked: string[] = []
    const prompter = { ...NOBODY, isInteractive: true, confirm: async (question: string) => asked.push(question) > 0 }
    ;(await connectSsh('web', { ...options, prompter })).close()
    ;(await connectSsh('web', options)).close()
    assert.equal(asked.length, 1)
    assert.match(asked[0] ?? '', /\[127\.0\.0\.1\]:\d+ .*not known yet[\s\S]*SHA256:/)
    const refusing = { ...NOBODY, isInteractive: true, confirm: async () => false }
    await rejectsWith(connectSsh('web', { ...homeFor(sshd, 'declined'), prompter: refusing }), 'host-key', /was not accepted/)
  })

  it('accepts an unknown host when told to, but never a changed one', async () => {
    const options = homeFor(sshd, 'accepting')
    ;(await connectSsh('web', { ...options, acceptHostKey: true })).close()
    assert.match(
      readFileSync(`${options.env.HOME}/.ssh/known_hosts`, 'utf8'),
      new RegExp(`^\\[127.0.0.1\\]:${sshd.port} ssh-ed25519 \\S+\n$`),
    )
    const old = `[127.0.0.1]:${sshd.port} ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4\n`
    await rejectsWith(
      connectSsh('web', { ...homeFor(sshd, 'changed', { known: old }), acceptHostKey: true }),
      'host-key',
      /has CHANGED: it shows ssh-ed25519 SHA256:\S+, but .*known_hosts:1 has ssh-ed25519 SHA256:\S+\. .*ssh-keygen -R '\[127\.0\.0\.1\]:\d+'/,
    )
    await rejectsWith(
      connectSsh('web', { ...homeFor(sshd, 'revoked', { known: `@revoked * ${sshd.hostKey}\n` }), acceptHostKey: true }),
      'host-key',
      /known_hosts:1 revokes/,
    )
  })

  it('says which keys were not let in, and what to do', async () => {
    const options = homeFor(sshd, 'stranger', { known: `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n` })
    const wrongKey = join(sshd.dir, 'stranger/id')
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', wrongKey])
    const config = readFileSync(`${sshd.dir}/stranger/.ssh/config`, 'utf8').replace(/IdentityFile .*/, `IdentityFile ${wrongKey}`)
    writeFileSync(`${sshd.dir}/stranger/.ssh/config`, config)
    await rejectsWith(
      connectSsh('web', options),
      'authentication',
      /does not let ".+" in: tried the key .*stranger\/id; it takes publickey\. Put your key there with "ssh-copy-id -p \d+/,
    )
  })

  it('asks for the passphrase of a key', async () => {
    const options = homeFor(sshd, 'locked', { known: `[127.0.0.1]:${sshd.port} ${sshd.hostKey}\n` })
    const locked = join(sshd.dir, 'locked/id')
    execFileSync('cp', [sshd.identityFile, locked])
    execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'pass phrase', '-f', locked], { stdio: 'ignore' })
    const config = readFileSync(`${sshd.dir}/locked/.ssh/config`, 'utf8').replace(/IdentityFile .*/, `IdentityFile ${locked}`)
    writeFileSync(`${sshd.dir}/locked/.ssh/config`, config)
    await rejectsWith(connectSsh('web', options), 'authentication', /it is encrypted, and nobody can be asked/)
    const answers = ['wrong', 'pass phrase']
    const prompter = { ...NOBODY, isInteractive: true, secret: async () => answers.shift() ?? '' }
    ;(await connectSsh('web', { ...options, prompter })).close()
    assert.deepEqual(answers, [])
  })

  for (const [what, target, message] of [
    ['nobody listens', '127.0.0.1:1', /refuses connections: is sshd running there/],
    ['there is no such name', 'nowhere.invalid', /There is no host "nowhere.invalid"|cannot be looked up/],
  ] as const) {
    it(`says that ${what}`, () => rejectsWith(connectSsh(target, homeFor(sshd, 'away')), 'unreachable', message))
  }
})
