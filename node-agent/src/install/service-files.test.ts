import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { configText } from './install.ts'
import { type Init, serviceCommands, serviceFile } from './service-files.ts'

for (const init of ['openrc', 'sysv', 'chkconfig', 'cron'] satisfies Init[]) {
  test(`the init script for ${init} is accepted by sh`, () => {
    execFileSync('sh', ['-n'], { input: serviceFile(init).text })
    for (const line of Object.values(serviceCommands(init))) execFileSync('sh', ['-n'], { input: line })
  })
}

test('configText() keeps the name and the place, and not what was for joining', () => {
  const text = configText({ server: ['https://a'], 'token-file': '-' }, { nodeName: 'n', dataDir: '/d' })
  assert.equal(text.split('\n').slice(1).join('\n'), 'server:\n  - https://a\nnode-name: n\ndata-dir: /d\n')
})
