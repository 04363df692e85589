/** Liveness and readiness probes of every sort. */
import assert from 'node:assert/strict'
import { type Container, isPodReady, type Pod, type Probe, podCondition } from '@davit/api'
import type { Case } from '../case.ts'
import { type CaseContext, HEEDS_TERM, shell, statusOf } from '../context.ts'

/** How long a probe that passes is watched, milliseconds: a restart would have come by then. */
const WATCHED_MS = 6_000
const FAST = { periodSeconds: 1, failureThreshold: 1, timeoutSeconds: 5 }
const GRPC_PORT = 5000

/**
 * A gRPC health service made of nginx: gRPC is HTTP/2, its answer a message of two bytes (status: SERVING) behind a header of five,
 * and the call's outcome a trailer.
 */
const GRPC_CONF = `user www-data;
daemon off;
pid /tmp/nginx.pid;
error_log /dev/stderr;
events { }
http {
  access_log off;
  server {
    listen ${GRPC_PORT} http2;
    location = /grpc.health.v1.Health/Check {
      default_type application/grpc;
      add_trailer grpc-status 0;
      error_page 405 =200 /grpc.health.v1.Health/Check;
      alias /conf/serving.bin;
    }
  }
}
`
const SERVING = Buffer.from([0, 0, 0, 0, 2, 8, 1])

async function grpcContainer(context: CaseContext): Promise<Pod['spec']> {
  await context.configMap('grpc', { 'nginx.conf': GRPC_CONF }, { binaryData: { 'serving.bin': SERVING.toString('base64') } })
  return {
    volumes: [{ name: 'conf', configMap: { name: 'grpc' } }],
    containers: [
      {
        name: 'main',
        image: 'nginx:1.25',
        command: ['nginx', '-c', '/conf/nginx.conf'],
        volumeMounts: [{ name: 'conf', mountPath: '/conf' }],
      },
    ],
  }
}

const nginx: Container = { name: 'main', image: 'nginx:1.25' }

/** The probe passes, so the container stays what it was. */
function passingCase(row: string, probe: Probe, spec: (context: CaseContext) => Promise<Pod['spec']> | Pod['spec']): Case {
  return {
    row,
    run: async context => {
      const { containers, ...rest } = await spec(context)
      await context.start('test', {
        ...rest,
        containers: containers.map(container => ({
          ...container,
          livenessProbe: { initialDelaySeconds: 1, ...FAST, failureThreshold: 2, ...probe },
        })),
      })
      const since = performance.now()
      // Whatever the pod does in this time is seen; there is nothing to wait for but the time itself.
      await context
        .until('test', 'restarted', pod => (statusOf(pod)?.restartCount ?? 0) > 0, WATCHED_MS)
        .then(
          () => assert.fail('it was restarted'),
          // A timer may be a millisecond early.
          () => assert.ok(performance.now() - since >= WATCHED_MS - 50),
        )
      assert.ok(isPodReady(await context.pod('test')))
    },
  }
}

function failingCase(row: string, probe: Probe, container: Container): Case {
  return {
    row,
    run: async context => {
      await context.create('test', { containers: [{ ...container, livenessProbe: { initialDelaySeconds: 1, ...FAST, ...probe } }] })
      const pod = await context.until('test', 'restarted', each => (statusOf(each)?.restartCount ?? 0) > 0 && each)
      assert.equal(statusOf(pod)?.restartCount, 1)
      await context.event('test', 'Unhealthy', /^Liveness probe /)
      await context.event('test', 'Killing', /failed liveness probe/)
    },
  }
}

const healthFile = (script: string) => shell(`touch /tmp/health; ${script}`)
const HEALTH = { exec: { command: ['cat', '/tmp/health'] } }

export const cases: readonly Case[] = [
  passingCase('Passing exec liveness probe never restarts the container', HEALTH, () => ({ containers: [healthFile(HEEDS_TERM)] })),
  passingCase('Passing HTTP liveness probe never restarts the container', { httpGet: { path: '/health', port: 80 } }, () => ({
    containers: [nginx],
  })),
  passingCase('Passing TCP liveness probe never restarts the container', { tcpSocket: { port: 8080 } }, () => ({ containers: [nginx] })),
  passingCase('Passing gRPC liveness probe never restarts the container', { grpc: { port: GRPC_PORT } }, grpcContainer),
  failingCase('Failing exec liveness probe restarts the container', HEALTH, healthFile(`sleep 2; rm /tmp/health; ${HEEDS_TERM}`)),
  failingCase('Failing HTTP liveness probe restarts the container once', { httpGet: { path: '/none', port: 80 } }, nginx),
  failingCase('Failing gRPC liveness probe restarts the container', { grpc: { port: 2333 } }, shell(HEEDS_TERM)),
  {
    row: 'Restart count only ever grows over repeated liveness failures',
    run: async context => {
      const livenessProbe = { httpGet: { path: '/none', port: 80 }, ...FAST }
      await context.create('test', { containers: [{ ...nginx, livenessProbe }] })
      const seen: number[] = []
      // The third start waits twice as long as the second: backing off takes the time here.
      await context.until(
        'test',
        'restarted three times',
        pod => {
          const count = statusOf(pod)?.restartCount ?? 0
          if (count !== seen.at(-1)) seen.push(count)
          return count >= 3
        },
        90_000,
      )
      assert.deepEqual(seen, [0, 1, 2, 3].slice(-seen.length))
    },
  },
  {
    row: 'Readiness waits for the initial delay and never restarts',
    run: async context => {
      const readinessProbe = { httpGet: { path: '/health', port: 80 }, initialDelaySeconds: 5, periodSeconds: 1 }
      await context.create('test', { containers: [{ ...nginx, readinessProbe }] })
      const pod = await context.ready('test')
      const readyAt = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '')
      const startedAt = Date.parse(statusOf(pod)?.state?.running?.startedAt ?? '')
      assert.ok(readyAt - startedAt >= 5_000 - 1_000, 'times are whole seconds')
      assert.equal(statusOf(pod)?.restartCount, 0)
    },
  },
  {
    row: 'Failing readiness keeps the pod unready and never restarts it',
    run: async context => {
      const readinessProbe = { exec: { command: ['false'] }, periodSeconds: 1, failureThreshold: 1 }
      await context.create('test', { containers: [shell(HEEDS_TERM, { readinessProbe })] })
      await context.running('test')
      await context.event('test', 'Unhealthy', /^Readiness probe failed/)
      await assert.rejects(
        context.until('test', 'ready or restarted', pod => isPodReady(pod) || (statusOf(pod)?.restartCount ?? 0) > 0, WATCHED_MS),
      )
      const pod = await context.pod('test')
      assert.deepEqual([pod.status?.phase, statusOf(pod)?.restartCount, statusOf(pod)?.ready], ['Running', 0, false])
    },
  },
]
