/** A real sshd on loopback, for tests: the user who runs them logs in with a key. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

export interface TestSshd {
  readonly dir: string
  readonly port: number
  readonly user: string
  /** File of the key that is let in. */
  readonly identityFile: string
  /** `type base64` */
  readonly hostKey: string
  stop(): Promise<void>
}

export async function startSshd({ config = '', name = 'sshd' } = {}): Promise<TestSshd> {
  const dir = mkdtempSync(join(tmpdir(), `davit-${name}-`))
  const port = await freePort()
  for (const key of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, key)])
  writeFileSync(join(dir, 'authorized_keys'), readFileSync(join(dir, 'user.pub')), { mode: 0o600 })
  writeFileSync(
    join(dir, 'sshd_config'),
    `Port ${port}
ListenAddress 127.0.0.1
HostKey ${join(dir, 'host')}
PidFile none
UsePAM no
StrictModes no
AuthorizedKeysFile ${join(dir, 'authorized_keys')}
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
${config}`,
  )
  // Where sshd drops its privileges to; a machine's own boot makes it.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 })
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(dir, 'sshd_config')], { stdio: ['ignore', 'ignore', 'pipe'] })
  await listening(child)
  const [type, key] = readFileSync(join(dir, 'host.pub'), 'utf8').split(' ')
  return {
    dir,
    port,
    user: userInfo().username,
    identityFile: join(dir, 'user'),
    hostKey: `${type} ${key}`,
    async stop() {
      const ended = new Promise(resolve => child.once('exit', resolve))
      child.kill()
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk
      if (said.includes('Server listening')) resolve()
    })
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`sshd did not start: ${said}`)))
  })
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
