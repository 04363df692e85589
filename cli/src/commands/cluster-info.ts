import { NAMESPACES, type Service, serviceKind } from '@davit/api'
import { Command } from 'commander'
import { type Cli, withExamples } from '../command-line/index.ts'

/** `davit cluster-info`. */
export function clusterInfoCommand(cli: Cli): Command {
  const command = new Command('cluster-info').description("Print where the API and the cluster's own services are.").action(async () => {
    const session = await cli.session()
    const { items } = await session.client
      .resource(serviceKind)
      .list({ namespace: NAMESPACES.system, labelSelector: 'kubernetes.io/cluster-service=true' })
    const line = (name: string, url: string) =>
      cli.stdout.isTTY ? `\u001b[0;32m${name}\u001b[0m is running at \u001b[0;33m${url}\u001b[0m\n` : `${name} is running at ${url}\n`
    cli.print(line('Kubernetes control plane', session.server))
    for (const service of items)
      cli.print(line(service.metadata.labels?.['kubernetes.io/name'] ?? service.metadata.name ?? '', urlOf(session.server, service)))
    cli.print("\nTo see what is wrong when something is, use 'davit status'.\n")
  })
  return withExamples(command, 'davit cluster-info')
}

/** An address from outside when it has one, else the API's proxy. */
function urlOf(server: string, { metadata, spec, status }: Service): string {
  const port = spec.ports?.[0]
  const ingress = status?.loadBalancer?.ingress?.[0]
  if (ingress && port) return `http${port.port === 443 ? 's' : ''}://${ingress.ip ?? ingress.hostname}:${port.port}`
  const name = port?.name ? `${metadata.name}:${port.name}` : metadata.name
  return `${server}/api/v1/namespaces/${metadata.namespace}/services/${name}/proxy`
}
