import { execFile } from 'node:child_process'
import { access, chmod, constants, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type Init, serviceCommands, serviceFile } from './service-files.ts'

/** The agent as a service of this machine. */
export interface Service {
  readonly init: Init
  /** Writes its file and has it started at boot; gives whether anything was different. */
  register(): Promise<boolean>
  unregister(): Promise<void>
  start(): Promise<void>
  stop(): Promise<void>
  restart(): Promise<void>
  isRunning(): Promise<boolean>
}

const COMMAND_MS_MAX = 60_000
const PATHS = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** By what this machine starts things. Throws when it has no way to. */
export async function findService(): Promise<Service> {
  const init = await findInit()
  if (!init)
    throw new Error(
      'Cannot start anything at boot: this machine has neither systemd, OpenRC, update-rc.d, chkconfig nor cron; install cron',
    )
  const file = serviceFile(init)
  const commands = serviceCommands(init)
  return {
    init,
    async register() {
      const isSame = (await readFile(file.path, 'utf8').catch(() => '')) === file.text
      if (!isSame) await writeWhole(file.path, file.text, file.mode)
      // Also of a file that is right: whoever wrote it may have been broken off before this.
      await shell(commands.enable)
      return !isSame
    },
    async unregister() {
      await shell(commands.disable)
      await rm(file.path, { force: true })
      if (init === 'systemd') await shell('systemctl daemon-reload')
    },
    start: () => shell(commands.start),
    async stop() {
      if (await exists(file.path)) await shell(commands.stop)
    },
    restart: () => shell(commands.restart),
    isRunning: () =>
      shell(commands.status).then(
        () => true,
        () => false,
      ),
  }
}

async function findInit(): Promise<Init | undefined> {
  if (await exists('/run/systemd/system')) return 'systemd'
  if ((await hasProgram('openrc-run')) && (await exists('/run/openrc'))) return 'openrc'
  if (await hasProgram('update-rc.d')) return 'sysv'
  if (await hasProgram('chkconfig')) return 'chkconfig'
  return (await hasProgram('crontab')) ? 'cron' : undefined
}

async function hasProgram(name: string): Promise<boolean> {
  for (const dir of PATHS) if (await exists(join(dir, name))) return true
  return false
}

function exists(path: string): Promise<boolean> {
  return access(path, constants.F_OK).then(
    () => true,
    () => false,
  )
}

/** All of it or nothing, also when the power fails. */
export async function writeWhole(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 })
  const part = `${path}.davit-part`
  const file = await open(part, 'w', mode)
  try {
    await file.writeFile(content)
    await file.datasync()
  } finally {
    await file.close()
  }
  await chmod(part, mode)
  await rename(part, path)
}

function shell(command: string): Promise<void> {
  const env = { ...process.env, PATH: PATHS.join(':'), LC_ALL: 'C' }
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', command], { env, timeout: COMMAND_MS_MAX }, (err, stdout, stderr) => {
      if (!err) return resolve()
      const said = `${stderr}\n${stdout}`.trim().split('\n').at(-1)
      reject(new Error(`Cannot run "${command}": ${said || err.message}`))
    })
  })
}
