/** postStart and preStop. */
import assert from 'node:assert/strict'
import { type Lifecycle, podKind } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell } from '../context.ts'

const SERVER_PORT = 8080

/** A web server whose log tells what it was asked for; gives its address. */
async function startServer(context: CaseContext): Promise<string> {
  await context.create('server', {
    containers: [{ name: 'main', image: 'nginx:1.25', readinessProbe: { tcpSocket: { port: SERVER_PORT }, periodSeconds: 1 } }],
  })
  return (await context.ready('server')).status?.podIP ?? ''
}

/** The hook as a request to the server, by a program in the container or by the node. */
function hook(kind: 'exec' | 'HTTP', server: string, path: string): NonNullable<Lifecycle['postStart']> {
  if (kind === 'HTTP') return { httpGet: { host: server, port: SERVER_PORT, path } }
  return { exec: { command: ['sh', '-c', `printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' | nc ${server} ${SERVER_PORT}`] } }
}

async function untilAsked(context: CaseContext, path: string): Promise<void> {
  await context.eventually(`the request for ${path}`, async () => (await context.logs('server')).includes(`GET ${path} `))
}

function postStartCase(kind: 'exec' | 'HTTP'): Case {
  return {
    row: `postStart ${kind} hook runs after container start`,
    run: async context => {
      const server = await startServer(context)
      await context.start('hooked', { containers: [shell(HEEDS_TERM, { lifecycle: { postStart: hook(kind, server, '/after-start') } })] })
      await untilAsked(context, '/after-start')
    },
  }
}

function preStopCase(row: string, kind: 'exec' | 'HTTP'): Case {
  return {
    row,
    run: async context => {
      const server = await startServer(context)
      const lifecycle = { preStop: hook(kind, server, '/before-stop') }
      await context.start('hooked', { terminationGracePeriodSeconds: 15, containers: [shell(HEEDS_TERM, { lifecycle })] })
      assert.doesNotMatch(await context.logs('server'), /before-stop/)
      await context.resource(podKind).delete({ namespace: context.namespace, name: 'hooked' })
      await context.untilGone('hooked')
      await untilAsked(context, '/before-stop')
    },
  }
}

export const cases: readonly Case[] = [
  postStartCase('exec'),
  postStartCase('HTTP'),
  preStopCase('preStop exec hook runs before termination', 'exec'),
  preStopCase('preStop HTTP hook runs before termination', 'HTTP'),
  preStopCase('preStop handler of a deleted pod reaches a server pod before termination', 'exec'),
]
