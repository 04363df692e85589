import { parseLabelSelector } from '@davit/api'
import { Command } from 'commander'
import { type Cli, integerOption, withDryRun, withExamples, withFieldManager, withFiles, withOutput } from '../command-line/index.ts'
import { collect, selectTargets, type Target, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, writeQuery } from '../results/index.ts'
import { type AnyObject, isJsonObject, type Session, valueAt } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  name?: string
  port?: string
  targetPort?: string
  protocol?: string
  type?: string
  selector?: string
  labels?: string
  clusterIp?: string
  externalIp?: string
  loadBalancerIp?: string
  sessionAffinity?: string
  nodePort?: number
  fieldManager: string
}

/** `davit expose`. */
export function exposeCommand(cli: Cli): Command {
  const command = new Command('expose')
    .description('Make a Service for the pods of a Deployment, ReplicaSet, Pod or Service.')
    .usage('(-f FILE | TYPE NAME) --port=PORT [flags]')
    .argument('[resources...]', 'Type and name, or TYPE/NAME.')
    .option('--name <name>', "Name of the Service; the object's own when left out.")
    .option('--port <port>', "Port of the Service; the containers' own when left out.")
    .option('--target-port <port>', 'Port, by number or name, of the pods.')
    .option('--protocol <protocol>', 'TCP or UDP.')
    .option('--type <type>', 'ClusterIP, NodePort, LoadBalancer or ExternalName.')
    .option('--selector <labels>', "Labels of the pods; the object's own when left out.")
    .option('-l, --labels <labels>', 'Labels of the Service.')
    .option('--cluster-ip <address>', 'Address of the Service; None for none.')
    .option('--external-ip <address>', 'A further address that leads to the Service.')
    .option('--load-balancer-ip <address>', 'Address wanted of the load balancer.')
    .option('--session-affinity <how>', 'None or ClientIP.')
    .option('--node-port <port>', 'Port on the nodes; chosen when left out.', integerOption('--node-port'))
    .action(async (args: string[], options: Options) => run(cli, args, options))
  withFieldManager(withDryRun(withOutput(withFiles(command))), 'kubectl-expose')
  return withExamples(
    command,
    `
davit expose deployment web --port=80 --target-port=8080
davit expose deployment web --port=80 --type=NodePort
davit expose pod web-1 --port=80 --name=one`,
  )
}

async function run(cli: Cli, args: string[], options: Options): Promise<void> {
  const result = await createResultPrinter(cli, options)
  const session = await cli.session()
  const { targets, failures } = await selectTargets(session, args, {
    files: options.filename,
    recursive: options.recursive,
    stdin: cli.stdin,
  })
  const type = await session.types.byName('services')
  for (const target of targets) {
    await collect(failures, async () => {
      const service = serviceFor(session, target, { options, isPrinted: result.dryRun === 'client' })
      const subject = { type, name: service.metadata.name ?? '' }
      if (result.dryRun === 'client') return result.done(subject, 'exposed', service)
      const place = { namespace: target.namespace }
      result.done(subject, 'exposed', await session.api.create(type, place, service, { query: writeQuery(result, options.fieldManager) }))
    })
  }
  throwCollected(failures)
}

function serviceFor(
  session: Session,
  { type, object, name, namespace }: Target,
  { options, isPrinted }: { options: Options; isPrinted: boolean },
): AnyObject {
  const isExposable = ['pods', 'services', 'deployments', 'replicasets', 'replicationcontrollers'].includes(type.plural)
  if (!isExposable) throw new Error(`cannot expose a ${type.kind}${type.group ? `.${type.group}` : ''}`)
  const selector = options.selector ? labelsOf(options.selector) : selectorOf(type.plural, object!, name)
  const ports = portsOf(type.plural, object!, options)
  if (ports.length === 0)
    throw new Error("couldn't find port via --port flag or introspection\nSee 'davit expose -h' for help and examples")
  const labels = options.labels ? labelsOf(options.labels) : object?.metadata.labels
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      creationTimestamp: null,
      ...(labels && { labels }),
      name: options.name ?? name,
      ...((session.isNamespaceGiven || !isPrinted) && { namespace: namespace ?? session.namespace }),
    } as never,
    spec: {
      ports,
      selector,
      ...(options.type && { type: options.type }),
      ...(options.clusterIp && { clusterIP: options.clusterIp }),
      ...(options.externalIp && { externalIPs: [options.externalIp] }),
      ...(options.loadBalancerIp && { loadBalancerIP: options.loadBalancerIp }),
      ...(options.sessionAffinity && { sessionAffinity: options.sessionAffinity }),
    },
    status: { loadBalancer: {} },
  }
}

function labelsOf(text: string): Record<string, string> {
  // Refuses what is no selector before its parts are taken for labels.
  parseLabelSelector(text)
  return Object.fromEntries(text.split(',').map(part => part.split(/==?/) as [string, string]))
}

function selectorOf(plural: string, object: AnyObject, name: string): Record<string, string> {
  if (plural === 'pods') {
    const labels = object.metadata.labels ?? {}
    if (Object.keys(labels).length === 0) throw new Error('the pod has no labels and cannot be exposed')
    return labels
  }
  const own = plural === 'services' ? valueAt(object, 'spec', 'selector') : valueAt(object, 'spec', 'selector', 'matchLabels')
  if (!isJsonObject(own) || Object.keys(own).length === 0)
    throw new Error(`invalid deployment "${name}": no selectors, therefore cannot be exposed`)
  return own as Record<string, string>
}

interface ServicePort {
  name?: string
  port: number
  protocol: string
  targetPort?: number | string
  nodePort?: number
}

function portsOf(plural: string, object: AnyObject, { port, targetPort, protocol, nodePort }: Options): ServicePort[] {
  const numbers = port ? port.split(',').map(text => Number(text)) : undefined
  if (numbers?.some(number => !Number.isInteger(number))) throw new Error(`--port must be a number, not "${port}"`)
  const own = containerPorts(plural, object)
  const wanted = numbers ?? own.map(({ number }) => number)
  return wanted.map((number, at) => ({
    ...(wanted.length > 1 && { name: `port-${at + 1}` }),
    port: number,
    protocol: protocol?.toUpperCase() ?? own.find(candidate => candidate.number === number)?.protocol ?? 'TCP',
    targetPort: targetPort === undefined ? number : /^\d+$/.test(targetPort) ? Number(targetPort) : targetPort,
    ...(nodePort && { nodePort }),
  }))
}

function containerPorts(plural: string, object: AnyObject): { number: number; protocol: string }[] {
  if (plural === 'services') {
    const ports = (valueAt(object, 'spec', 'ports') ?? []) as { port: number; protocol?: string }[]
    return ports.map(({ port, protocol = 'TCP' }) => ({ number: port, protocol }))
  }
  const spec = plural === 'pods' ? valueAt(object, 'spec') : valueAt(object, 'spec', 'template', 'spec')
  const containers = (valueAt(spec, 'containers') ?? []) as { ports?: { containerPort: number; protocol?: string }[] }[]
  return containers.flatMap(({ ports = [] }) => ports.map(({ containerPort, protocol = 'TCP' }) => ({ number: containerPort, protocol })))
}
