/** emptyDir: every medium, user and file mode. */
import assert from 'node:assert/strict'
import type { Case } from '../case.ts'
import { HEEDS_TERM, shell } from '../context.ts'

const MEDIA = [
  { medium: 'default', volume: {}, fileSystem: /^(?!tmpfs)/ },
  { medium: 'memory', volume: { medium: 'Memory' }, fileSystem: /^tmpfs$/ },
] as const
const USERS = [
  { user: 'non-root', uid: 1001 },
  { user: 'root', uid: 0 },
] as const
const mount = { name: 'scratch', mountPath: '/scratch' }

const files: Case[] = MEDIA.flatMap(({ medium, volume, fileSystem }) =>
  USERS.flatMap(({ user, uid }) =>
    ['0644', '0666', '0777'].map(mode => ({
      row: `emptyDir ${medium} medium, ${user}, file mode ${mode}`,
      run: async context => {
        const script = `echo content > /scratch/file && chmod ${mode} /scratch/file && stat -c '0%a %u' /scratch/file && cat /scratch/file && stat -f -c %T /scratch`
        const output = await context.output({
          securityContext: { runAsUser: uid },
          volumes: [{ name: 'scratch', emptyDir: volume }],
          containers: [shell(script, { volumeMounts: [mount] })],
        })
        const [file, content, type = ''] = output.split('\n')
        assert.equal(file, `${mode} ${uid}`)
        assert.equal(content, 'content')
        assert.match(type, fileSystem)
      },
    })),
  ),
)

/** The whole mode and the type of an emptyDir's own directory. */
function directoryCase(row: string, { volume, fileSystem }: (typeof MEDIA)[number]): Case {
  return {
    row,
    run: async context => {
      const output = await context.output({
        volumes: [{ name: 'scratch', emptyDir: volume }],
        containers: [shell("stat -c '%a %F' /scratch; stat -f -c %T /scratch", { volumeMounts: [mount] })],
      })
      const [directory, type = ''] = output.split('\n')
      assert.equal(directory, '777 directory')
      assert.match(type, fileSystem)
    },
  }
}

export const cases: readonly Case[] = [
  ...files,
  directoryCase('emptyDir default medium directory is 0777', MEDIA[0]),
  directoryCase('emptyDir memory medium is a 0777 tmpfs', MEDIA[1]),
  {
    row: 'Two containers share an emptyDir',
    run: async context => {
      await context.start('share', {
        volumes: [{ name: 'scratch', emptyDir: {} }],
        containers: [
          shell(`echo from the other > /scratch/file; ${HEEDS_TERM}`, { name: 'writer', volumeMounts: [mount] }),
          shell(HEEDS_TERM, { volumeMounts: [mount] }),
        ],
      })
      await context.eventually(
        'the file',
        async () => (await context.exec('share', ['cat', '/scratch/file'])).stdout,
        text => text === 'from the other\n',
      )
    },
  },
]
