/** `kubectl explain`, which is made from OpenAPI alone. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { command } from '@davit/deploy'
import { kubectlBinary } from '../kubectl.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'

/** Undefined where it is not here and cannot be fetched. */
const binary = await kubectlBinary(33).catch(() => undefined)

const EXPLAINED: readonly [string, RegExp[]][] = [
  ['pods --recursive', [/^ {2}spec\t<PodSpec>/m, /^ {6}name\t<string> -required-/m, /^ {8}path\t<string>/m]],
  ['deploy', [/^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1/, /DESCRIPTION:\n +\S/]],
  ['pods.spec.containers.imagePullPolicy', [/FIELD: imagePullPolicy <string>\nENUM:\n +Always\n +IfNotPresent\n +Never/]],
  ['services.spec.ports', [/targetPort\t<IntOrString>/, /port\t<integer> -required-/]],
  ['events --api-version=events.k8s.io/v1', [/^GROUP: +events\.k8s\.io/]],
]

describe('kubectl explain', { concurrency: 4, skip: binary === undefined && 'no kubectl here, and none to be fetched' }, () => {
  let plane: ControlPlane
  before(async () => {
    plane = await startControlPlane({ args: ['--run', 'apiserver'] })
  })
  after(() => plane[Symbol.asyncDispose]())

  for (const [args, expected] of EXPLAINED) {
    it(`tells of ${args}`, async () => {
      const argv = ['--kubeconfig', plane.kubeconfig, 'explain', ...args.split(' ')]
      const { stdout } = await command(binary ?? '', argv, { env: { PATH: process.env.PATH, HOME: plane.dataDir } })
      for (const part of expected) assert.match(stdout, part)
    })
  }
})
