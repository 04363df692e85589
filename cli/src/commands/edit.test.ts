import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Cli } from '../command-line/index.ts'
import type { Session } from '../session/index.ts'
import { editCommand } from './edit.ts'

/** An editor that runs one line of shell after the other, a line each time it is opened; and the API's answer to a patch. */
async function edit(t: TestContext, lines: readonly string[], patch: (body: unknown) => object) {
  const dir = await mkdtemp(join(tmpdir(), 'davit-edit-test-'))
  t.after(() => rm(dir, { recursive: true }))
  const editor = join(dir, 'editor.sh')
  const turns = lines.map((line, turn) => `${turn}) ${line} ;;`).join('\n')
  await writeFile(editor, `turn=$(cat ${dir}/turn 2>/dev/null || echo 0); echo $((turn + 1)) >${dir}/turn\ncase $turn in\n${turns}\nesac\n`)
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'default' }, data: { k: 'old' } }
  const type = { group: '', version: 'v1', kind: 'ConfigMap', plural: 'configmaps', namespaced: true }
  const said: string[] = []
  const session = {
    namespace: 'default',
    types: { byName: async () => type },
    api: { get: async () => object, patch: async (_type: unknown, _place: unknown, { body }: { body: unknown }) => patch(body) },
  } as unknown as Session
  const tell = (text: string) => void said.push(text)
  const cli = { env: { EDITOR: `sh ${editor}` }, print: tell, warn: tell, session: async () => session } as unknown as Cli
  const done = editCommand(cli)
    .parseAsync(['configmap/a'], { from: 'user' })
    .then(
      () => undefined,
      (err: Error) => err.message,
    )
  return { failure: await done, said: said.join('') }
}

test('edit opens the editor again when what was saved is no object', async t => {
  const patches: unknown[] = []
  const { failure, said } = await edit(t, [`sed -i /^kind/d "$1"`, `sed -i 's/old/new/; 1i kind: ConfigMap' "$1"`], body => {
    patches.push(body)
    return {}
  })
  assert.deepEqual([failure, said, patches], [undefined, 'configmap/a edited\n', [{ data: { k: 'new' } }]])
})

test('edit keeps what was written when it cannot be sent', async t => {
  const { failure, said } = await edit(t, [`sed -i s/old/new/ "$1"`], () => {
    throw new Error('The connection was refused')
  })
  assert.equal(failure, 'The connection was refused')
  const [, file = ''] = /stored to "(.*)"/.exec(said) ?? []
  t.after(() => rm(dirname(file), { recursive: true }))
  assert.match(await readFile(file, 'utf8'), /^ {2}k: new$/m)
})
