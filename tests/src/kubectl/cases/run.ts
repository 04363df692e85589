/** `kubectl run`. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'

export const cases: readonly VerbCase[] = [
  {
    verb: 'run',
    what: 'a pod with labels, environment, port, overrides; dry',
    steps: [
      ['run app --image=nginx:1.25 --labels=a=b --env=X=1 --port=80 --restart=Never --expose', 'service/app created\npod/app created'],
      ['get pod app -o jsonpath={.metadata.labels.a},{.spec.restartPolicy},{.spec.containers[0].env[0].value}', 'b,Never,1'],
      ['run dry --image=x --dry-run=client -o jsonpath={.metadata.name}', 'dry'],
      ['run dry --image=x --dry-run=server', 'pod/dry created (server dry run)'],
      ['run over --image=nginx:1.25 --overrides=\'{"spec":{"nodeName":"node-1"}}\' -o jsonpath={.spec.nodeName}', 'node-1'],
      ['wait pod/app pod/over --for=condition=Ready --timeout=60s', /met/],
    ],
  },
  {
    verb: 'run -i',
    what: 'with input, its exit code, and removed after',
    steps: [
      ['run one -i --rm --quiet --restart=Never --image=busybox:1.36 -- sh -c cat', /hello/, { input: 'hello\n' }],
      [
        "run two -i --rm --quiet --restart=Never --image=busybox:1.36 -- sh -c 'sleep 1; exit 3'",
        /terminated \(Error\)|deleted|^/,
        { code: 3 },
      ],
    ],
    run: async context => assert.match((await context.run('get pods')).stderr, /No resources found/),
  },
  {
    verb: 'run -it',
    what: 'with a terminal',
    run: async context => {
      const shell = await context.start('run term -it --rm --restart=Never --image=busybox:1.36 -- sh', { pty: true })
      await shell.prints(/\/ # /)
      shell.type('echo a$((1+1))b; tty\n')
      await shell.prints(/a2b\r\n\/dev\/pts\//)
      shell.type('exit 0\n')
      await shell.prints(/pod "term" deleted/)
      assert.equal(await shell.ends(), 0)
    },
  },
]
