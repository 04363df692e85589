/** Verbs that talk with a container. */
import assert from 'node:assert/strict'
import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import type { VerbCase } from '../case.ts'
import { TERMINAL } from '../context.ts'
import { shellPod } from '../fixtures.ts'

/** In the namespace whose pods are only looked at. */
const SHARED = { anywhere: true }

export const cases: readonly VerbCase[] = [
  {
    verb: 'exec',
    what: 'output, error output, exit code, input; a container, a Deployment’s pod; what is not there',
    steps: [
      ["exec -n {shared} box -c main -- sh -c 'echo out; echo err >&2'", /out\n[\s\S]*err\n/, SHARED],
      ["exec -n {shared} box -c main -- sh -c 'exit 7'", /command terminated with exit code 7/, { ...SHARED, code: 7 }],
      ['exec -n {shared} -i box -c side -- cat', /^hello\n/, { ...SHARED, input: 'hello\n' }],
      ['exec -n {shared} deploy/web -- echo hi', 'hi', SHARED],
      ['exec -n {shared} box -- true', /Defaulted container "main" out of: main, side/, SHARED],
      ['exec -n {shared} box -c none -- true', /container (none not found in pod|not found|none is not valid)/, { ...SHARED, code: 1 }],
      ['exec -n {shared} absent -- true', /pods "absent" not found/, { ...SHARED, code: 1 }],
      // Docker before 23 says 126.
      ['exec -n {shared} box -c main -- absent', /"absent".*not found/, { ...SHARED, code: [126, 127] }],
    ],
    run: async context => {
      const input = 'x'.repeat(1_000_000)
      const counted = await context.out('exec -n {shared} -i box -c main -- wc -c', { input, ...SHARED })
      assert.equal(counted.trim(), '1000000')
      const printed = await context.out("exec -n {shared} box -c main -- sh -c 'head -c 1000000 /dev/zero | tr \\\\0 y'", SHARED)
      assert.equal(printed.length, 1_000_000)
    },
  },
  {
    verb: 'exec -it',
    what: 'a shell on a terminal that knows its size',
    run: async context => {
      const shell = await context.start('exec -n {shared} -it box -c main -- sh', { pty: true })
      await shell.prints(/\/ # /)
      shell.type('stty size; echo a$((1+1))b\n')
      await shell.prints(new RegExp(`${TERMINAL.rows} ${TERMINAL.columns}\r\na2b`))
      shell.type('exit 5\n')
      await shell.prints(/command terminated with exit code 5/)
      assert.equal(await shell.ends(), 5)
    },
  },
  {
    verb: 'attach',
    what: 'input and output of what runs, with a terminal too',
    files: {
      'a.yaml': `${shellPod('plain', 'while read line; do echo "got $line"; done').replace('name: main,', 'name: main, stdin: true,')}---\n${shellPod('term', 'exec sh').replace('name: main,', 'name: main, stdin: true, tty: true,')}`,
    },
    steps: [
      ['create -f a.yaml', /created/],
      ['wait pod --all --for=condition=Ready --timeout=60s', /met/],
    ],
    run: async context => {
      const plain = await context.start('attach plain -i')
      plain.type('one\n')
      await plain.prints(/got one/)
      plain.kill()
      const terminal = await context.start('attach term -it', { pty: true })
      await terminal.prints(/If you don't see a command prompt/)
      terminal.type('\necho a$((1+1))b\n')
      await terminal.prints(/a2b\r\n/)
    },
  },
  {
    verb: 'logs',
    what: 'each flag: tail, since, timestamps, bytes, containers, prefix, labels, a Deployment',
    files: { 'a.yaml': shellPod('done', 'echo one; echo two') },
    steps: [
      ['logs -n {shared} box -c main', 'one\ntwo\nthree', SHARED],
      ['logs -n {shared} box', /Defaulted container "main"[\s\S]*/, SHARED],
      ['logs -n {shared} box -c main --tail=1', 'three', SHARED],
      ['logs -n {shared} box -c main --limit-bytes=5', 'one\nt', SHARED],
      ['logs -n {shared} box -c main --timestamps --tail=1', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z three$/m, SHARED],
      ['logs -n {shared} box -c main --since=1s', '', SHARED],
      ['logs -n {shared} box -c main --since=24h', 'one\ntwo\nthree', SHARED],
      ['logs -n {shared} box -c main --since-time=2020-01-01T00:00:00Z', 'one\ntwo\nthree', SHARED],
      // kubectl takes the containers in any order.
      ['logs -n {shared} box --all-containers', /^(one\ntwo\nthree\naside|aside\none\ntwo\nthree)\n$/, SHARED],
      ['logs -n {shared} box --all-containers --prefix --tail=1', /^\[pod\/box\/main\] three$/m, SHARED],
      ['logs -n {shared} -l app=box -c side', 'aside', SHARED],
      ['logs -n {shared} deploy/web --tail=1', /^Found 2 pods, using pod\/web-/, SHARED],
      ['logs -n {shared} box -c none', /container none is not valid for pod box/, { ...SHARED, code: 1 }],
      ['logs -n {shared} box -c main --previous', /previous terminated container "main" in pod "box" not found/, { ...SHARED, code: 1 }],
      ['create -f a.yaml', /created/],
      ['wait pod/done --for=jsonpath={.status.containerStatuses[0].restartCount}=1 --timeout=60s', /met/],
      ['logs done --previous', 'one\ntwo'],
    ],
  },
  {
    verb: 'logs --all-pods',
    what: 'of a Deployment',
    since: 32,
    steps: [['logs -n {shared} deploy/web --all-pods --prefix', /^$|\[pod\/web-/, SHARED]],
  },
  {
    verb: 'logs -f',
    what: 'what is written meanwhile, until the pod ends',
    files: {
      'a.yaml': shellPod('app', 'echo begin; read x < /tmp/go; echo end', { spec: 'restartPolicy: Never' }).replace(
        'echo begin',
        'mkfifo /tmp/go; echo begin',
      ),
    },
    run: async context => {
      await context.run('create -f a.yaml')
      await context.run('wait pod/app --for=condition=Ready --timeout=60s')
      const following = await context.start('logs -f app')
      await following.prints(/begin/)
      await context.run("exec app -- sh -c 'echo x > /tmp/go'")
      await following.prints(/end/)
      assert.equal(await following.ends(), 0)
    },
  },
  {
    verb: 'cp',
    what: 'files and folders, to a container and back',
    files: { 'dir/one': 'first', 'dir/two': 'second', 'a.txt': 'alone', 'p.yaml': shellPod('box') },
    steps: [
      ['create -f p.yaml', /created/],
      ['wait pod/box --for=condition=Ready --timeout=60s', /met/],
      ['cp a.txt box:/tmp/a.txt', ''],
      ['exec box -- cat /tmp/a.txt', 'alone'],
      ['cp dir box:/tmp -c main', ''],
      ["exec box -- sh -c 'cat /tmp/dir/one /tmp/dir/two'", 'firstsecond'],
      ['cp {ns}/box:/tmp/dir back', /^(tar: removing leading '\/' from member names)?\s*$/],
      ['cp box:/tmp/a.txt b.txt --retries=3', /^(tar: removing leading '\/' from member names)?\s*$/],
    ],
    run: async context => {
      assert.equal(await context.read('back/one'), 'first')
      assert.equal(await context.read('back/two'), 'second')
      assert.equal(await context.read('b.txt'), 'alone')
    },
  },
  {
    verb: 'port-forward',
    what: 'to a pod, a Deployment and a Service, to a port by name, several requests at once',
    run: async context => {
      for (const target of ['deploy/web :80', 'service/web :80', 'deploy/web :http']) {
        const forwarding = await context.start(`port-forward -n {shared} ${target}`)
        const [, port = ''] = await forwarding.prints(/Forwarding from 127\.0\.0\.1:(\d+) -> 80/)
        const answers = await Promise.all(Array.from({ length: 5 }, () => fetched(`http://127.0.0.1:${port}/health`)))
        assert.deepEqual(answers, Array(5).fill('ok\n'))
        forwarding.kill()
      }
      await context.run('port-forward -n {shared} pod/absent 8{v}:80', { code: 1, anywhere: true })
    },
  },
  {
    verb: 'proxy',
    what: 'the API, and a Service through it',
    run: async context => {
      const proxy = await context.start('proxy --port=0')
      const [, port = ''] = await proxy.prints(/Starting to serve on 127\.0\.0\.1:(\d+)/)
      const url = `http://127.0.0.1:${port}`
      assert.match(await fetched(`${url}/api`), /"versions": ?\[\s*"v1"/)
      assert.equal(await fetched(`${url}/api/v1/namespaces/${context.shared}/services/web:80/proxy/health`), 'ok\n')
    },
  },
]

function fetched(url: string): Promise<string> {
  return new Promise((resolve, reject) =>
    get(url, { agent: false, signal: AbortSignal.timeout(20_000) }, answer => text(answer).then(resolve, reject)).once('error', reject),
  )
}
