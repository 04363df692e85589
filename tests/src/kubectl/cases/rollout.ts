/** Rollouts of a Deployment whose pods run, and what can be said of the workloads that nobody runs yet. */
import type { VerbCase } from '../case.ts'
import { deployment } from '../fixtures.ts'

const files = { 'a.yaml': deployment('app') }

export const cases: readonly VerbCase[] = [
  {
    verb: 'rollout status',
    what: 'waits until it is done, or only asks',
    files,
    steps: [
      ['create -f a.yaml', /created/],
      ['rollout status deploy/app --timeout=60s', /deployment "app" successfully rolled out/],
      ['set image deploy/app main=absent.example/none:1', /updated/],
      ['rollout status deploy/app --watch=false', /^Waiting for deployment "app" rollout to finish|Waiting for deployment spec update/],
      ['rollout status deploy/app --timeout=1s', /error: timed out waiting for the condition/, { code: 1 }],
    ],
  },
  {
    verb: 'rollout history',
    what: 'revisions with their causes, and one of them',
    files,
    steps: [
      ['create -f a.yaml', /created/],
      ["annotate deploy app kubernetes.io/change-cause='first one'", /annotate/],
      ['wait deploy app --for=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}=1 --timeout=20s', /met/],
      ['set image deploy/app main=nginx:1.26', /updated/],
      ['rollout status deploy/app --timeout=60s', /rolled out/],
      ['rollout history deploy/app', /^REVISION +CHANGE-CAUSE\n1 +first one\n2 +first one$/m],
      ['rollout history deploy/app --revision=1', /with revision #1\nPod Template:[\s\S]*Image:\s+nginx:1\.25/],
      ['rollout history deploy/app -o jsonpath={.spec.template.spec.containers[0].image}', /^nginx:1\.2[56]/],
    ],
  },
  {
    verb: 'rollout undo',
    what: 'to the one before, and to a revision; dry',
    files,
    steps: [
      ['create -f a.yaml', /created/],
      ['rollout status deploy/app --timeout=60s', /rolled out/],
      ['set image deploy/app main=nginx:1.26', /updated/],
      ['rollout status deploy/app --timeout=60s', /rolled out/],
      ['rollout undo deploy/app --dry-run=server', /Pod Template|rolled back/],
      ['rollout undo deploy/app', 'deployment.apps/app rolled back'],
      ['get deploy app -o jsonpath={.spec.template.spec.containers[0].image}', 'nginx:1.25'],
      ['rollout status deploy/app --timeout=60s', /rolled out/],
      ['rollout undo deploy/app --to-revision=2', 'deployment.apps/app rolled back'],
      ['rollout undo deploy/app --to-revision=9', /unable to find specified revision 9 in history/, { code: 1 }],
    ],
  },
  {
    verb: 'rollout pause',
    what: 'and resume',
    files,
    steps: [
      ['create -f a.yaml', /created/],
      ['rollout pause deploy/app', 'deployment.apps/app paused'],
      ['rollout pause deploy/app', /already paused/, { code: 1 }],
      ['rollout restart deploy/app', /can't restart paused deployment/, { code: 1 }],
      ['rollout resume deploy/app', 'deployment.apps/app resumed'],
    ],
  },
  {
    verb: 'rollout restart',
    what: 'makes new pods',
    files,
    steps: [
      ['create -f a.yaml', /created/],
      ['rollout status deploy/app --timeout=60s', /rolled out/],
      ['rollout restart deploy/app', 'deployment.apps/app restarted'],
      ['rollout status deploy/app --timeout=60s', /rolled out/],
      ['get deploy app -o jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}', '2'],
      ['rollout restart deployment -l app=none', 'No resources found in {ns} namespace.'],
    ],
  },
]
