/** APIs that a server in a pod serves. */
import assert from 'node:assert/strict'
import { type ApiService, apiServiceKind, serviceKind } from '@davit/api'
import { GROUP, makeExtensionServer, VERSION } from '../../extension-server.ts'
import type { Case } from '../case.ts'
import { startRelayed } from '../relayed-server.ts'

const NAME = `${VERSION}.${GROUP}`
const LABELS = { app: 'extension' }

const isAvailable = ({ metadata, status }: ApiService) =>
  metadata.name === NAME && status?.conditions?.some(({ type, status: verdict }) => type === 'Available' && verdict === 'True')

export const cases: readonly Case[] = [
  {
    row: 'An extension API server (sample-apiserver) registered via APIService is proxied and usable',
    // Whoever asks for everything meanwhile would be told that a part of it is not there.
    alone: true,
    run: async context => {
      const service = context.named('sample-api')
      const extension = await makeExtensionServer(context.client, service)
      const apiServices = context.resource(apiServiceKind)
      try {
        await startRelayed(context, extension.server, { name: 'sample-api', labels: LABELS, ports: [443] })
        const ports = [{ port: 7443, targetPort: 443 }]
        await context
          .resource(serviceKind)
          .create({ apiVersion: 'v1', kind: 'Service', metadata: service, spec: { selector: LABELS, ports } })
        const { name, namespace } = service
        const spec = {
          ...{ group: GROUP, version: VERSION, groupPriorityMinimum: 2000, versionPriority: 200, caBundle: extension.caBundle },
          service: { name, namespace, port: 7443 },
        }
        await apiServices.create({ apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: NAME }, spec })
        await context.cluster.until(apiServiceKind, `${NAME} available`, all => all.some(isAvailable))
        const flunders = `flunders.${VERSION}.${GROUP}`
        const input = JSON.stringify({ apiVersion: `${GROUP}/${VERSION}`, kind: 'Flunder', metadata: { name: 'rosie' } })
        const kubectl = async (args: string[], options = {}) =>
          (await context.cluster.kubectl([...args, '--namespace', context.namespace], options)).stdout
        await kubectl(['create', '--validate=false', '-f', '-'], { input })
        assert.equal((await kubectl(['get', flunders, '-o', 'name'])).trim(), `flunder.${GROUP}/rosie`)
        await kubectl(['delete', flunders, 'rosie', '--wait=false'])
        assert.equal((await kubectl(['get', flunders, '-o', 'name'])).trim(), '')
        assert.match(await kubectl(['get', 'apiservice', NAME]), /sample-api +True/)
      } finally {
        await apiServices.delete({ name: NAME }).catch(() => {})
        extension.close()
      }
    },
  },
]
