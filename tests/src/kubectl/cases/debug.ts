/** `kubectl debug` of pods and nodes. */
import assert from 'node:assert/strict'
import type { VerbCase } from '../case.ts'
import { shellPod } from '../fixtures.ts'

const files = { 'a.yaml': shellPod('app') }
const RUNNING = [
  ['create -f a.yaml', /created/],
  ['wait pod/app --for=condition=Ready --timeout=60s', /met/],
] as const

export const cases: readonly VerbCase[] = [
  {
    verb: 'debug',
    what: 'a container more in the pod, of a profile, with its processes seen, on a terminal',
    files,
    steps: [
      ...RUNNING,
      ['debug app -c look --image=busybox:1.36 --target=main -- sh -c "echo seen"', /^(Targeting container "main".*\n[\s\S]*)?/],
    ],
    run: async context => {
      await context.until('logs app -c look', /seen/)
      const shell = await context.start('debug app -it --image=busybox:1.36 --profile=general -- sh', { pty: true })
      await shell.prints(/\/ # /)
      shell.type('echo a$((1+1))b\n')
      await shell.prints(/a2b\r\n/)
      shell.type('exit\n')
      await shell.ends()
      assert.match(await context.out('describe pod app'), /^Ephemeral Containers:\n {2}look:\n/m)
    },
  },
  {
    verb: 'debug --copy-to',
    what: 'a copy of the pod with another command, or another image, or in its place',
    files,
    steps: [
      ...RUNNING,
      ['debug app --copy-to=copy --container=main --share-processes -- sleep 1d', /^/],
      ['get pod copy -o jsonpath={.spec.containers[0].command},{.spec.shareProcessNamespace}', '["sleep","1d"],true'],
      ['debug app --copy-to=other --set-image=main=nginx:1.25', /^/],
      ['get pod other -o jsonpath={.spec.containers[0].image}', 'nginx:1.25'],
      ['debug app --copy-to=third --image=busybox:1.36 --same-node --replace -- sleep 1d', /^/],
      ['wait pod/copy pod/third --for=condition=Ready --timeout=60s', /met/],
    ],
    run: async context => void (await context.until('get pod app', /NotFound|Terminating/)),
  },
  {
    verb: 'debug node',
    what: 'a pod on the node, with its files and names',
    steps: [
      [
        'debug node/node-1 --image=busybox:1.36 -- ls /host/etc/hostname',
        /Creating debugging pod node-debugger-node-1-\w+ with container debugger on node node-1/,
      ],
    ],
    run: async context => {
      const pod = (await context.out('get pods -o name')).trim()
      await context.until(`get ${pod} -o jsonpath={.status.phase}`, /Succeeded/)
      assert.match(await context.out(`logs ${pod}`), /\/host\/etc\/hostname/)
    },
  },
]
