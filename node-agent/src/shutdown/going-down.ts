import { execFile } from 'node:child_process'

const ASK_MS_MAX = 3_000

/** Whether systemd is taking this machine down, and not only this agent. False where there is no systemd: there the init script asks. */
export function isGoingDown(): Promise<boolean> {
  return new Promise(resolve => {
    // Anything but "running" makes it exit with another code than 0.
    execFile('systemctl', ['is-system-running'], { timeout: ASK_MS_MAX }, (_error, stdout) => resolve(stdout.trim() === 'stopping'))
  })
}
