import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { withLastApplied, withSource } from '../apply/index.ts'
import {
  type Cli,
  integerOption,
  refuseKustomize,
  repeatOption,
  UsageError,
  withDryRun,
  withExamples,
  withFieldManager,
  withFiles,
  withOutput,
} from '../command-line/index.ts'
import { type ManifestObject, readManifests } from '../manifests/index.ts'
import {
  configMapObject,
  deploymentObject,
  namespaceObject,
  readData,
  secretObject,
  serviceAccountObject,
  serviceObject,
} from '../objects/index.ts'
import { collect, placeOf, throwCollected } from '../resources/index.ts'
import { createResultPrinter, type ResultOptions, type ResultPrinter, writeQuery } from '../results/index.ts'
import type { AnyObject, Session } from '../session/index.ts'

interface Options extends ResultOptions {
  filename?: string[]
  recursive?: boolean
  kustomize?: string
  saveConfig?: boolean
  fieldManager: string
  validate?: string
}

/** `davit create`. */
export function createCommand(cli: Cli): Command {
  const command = new Command('create')
    .description('Create objects from manifests, or of one kind from arguments.')
    .usage('-f FILE | KIND NAME [flags]')
    .argument('[none...]', '')
    .option('--save-config', 'Keep the manifest in an annotation, so that "davit apply" can go on from it.')
    .addOption(
      new Option('--validate [mode]', 'strict, warn or ignore: what to do about unknown fields.').preset('strict').default('strict'),
    )
    .action(async (args: string[], options: Options) => createFromFiles(cli, args, options))
  withFieldManager(withDryRun(withOutput(withFiles(command))), 'kubectl-create')
  for (const child of [namespace(cli), configMap(cli), secret(cli), deployment(cli), service(cli), serviceAccount(cli)])
    command.addCommand(child)
  return withExamples(
    command,
    `
davit create -f web.yaml
davit create namespace staging
davit create configmap settings --from-literal=color=blue --from-file=app.conf
davit create secret generic database --from-literal=password=secret
davit create deployment web --image=nginx:1.25 --replicas=3
davit create deployment web --image=nginx:1.25 --dry-run=client -o yaml > web.yaml`,
  )
}

async function createFromFiles(cli: Cli, args: string[], options: Options): Promise<void> {
  refuseKustomize(options)
  if (args.length > 0) throw new UsageError(`Unexpected args: [${args.join(' ')}]`)
  if (!options.filename) throw new Error('must specify one of -f and -k')
  const result = await createResultPrinter(cli, options)
  const manifests = await readManifests(options.filename, { recursive: options.recursive ?? false, stdin: cli.stdin })
  if (manifests.length === 0) throw new Error('no objects passed to create')
  const session = await cli.session()
  const failures: unknown[] = []
  for (const manifest of manifests) await collect(failures, () => createOne(session, manifest, { options, result }))
  throwCollected(failures)
}

async function createOne(
  session: Session,
  { object, source }: ManifestObject,
  { options, result }: { options: Options; result: ResultPrinter },
): Promise<void> {
  const place = await placeOf(session, { object, source })
  const placed = place.namespace ? { ...object, metadata: { ...object.metadata, namespace: place.namespace } } : object
  const wanted = options.saveConfig ? withLastApplied(placed) : placed
  if (result.dryRun === 'client') return result.done(place, 'created', wanted)
  const validation = { ignore: 'Ignore', false: 'Ignore', warn: 'Warn' }[options.validate ?? 'strict'] ?? 'Strict'
  const query = { ...writeQuery(result, options.fieldManager), fieldValidation: validation }
  const created = await session.api
    .create(place.type, { namespace: place.namespace }, wanted, { query })
    .catch(source === '' ? rethrow : withSource('creating', source))
  result.done({ type: place.type, name: created.metadata.name ?? place.name }, 'created', created)
}

function rethrow(err: unknown): never {
  throw err
}

type Make = (name: string, options: Record<string, unknown>) => Promise<AnyObject> | AnyObject

/** A subcommand that makes one object of its arguments and creates it. */
function maker(cli: Cli, name: string, description: string, make: Make): Command {
  return new Command(name)
    .description(description)
    .argument('[name...]', 'Name of the new object.')
    .action(async (names: string[], _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<Options & Record<string, unknown>>()
      const [objectName, ...more] = names
      if (objectName === undefined || more.length > 0) throw new UsageError(`exactly one NAME is required, got ${names.length}`)
      const made = await make(objectName, options)
      const result = await createResultPrinter(cli, options)
      if (result.dryRun === 'client' && !cli.flags.namespace) return result.done({ type: typeOf(made), name: objectName }, 'created', made)
      await createOne(await cli.session(), { object: made, source: '' }, { options, result })
    })
}

/** A name must do for what is only printed: no server is asked. */
function typeOf({ apiVersion, kind }: AnyObject): { group: string; kind: string } {
  return { group: apiVersion.includes('/') ? apiVersion.split('/')[0]! : '', kind }
}

const namespace = (cli: Cli) => maker(cli, 'namespace', 'Create a namespace.', name => namespaceObject(name)).alias('ns')

const serviceAccount = (cli: Cli) =>
  maker(cli, 'serviceaccount', 'Create a service account.', name => serviceAccountObject(name)).alias('sa')

function withDataSources(command: Command): Command {
  return command
    .option('--from-literal <key=value>', 'A key and its value. May be repeated.', repeatOption)
    .option('--from-file <[key=]path>', 'A file, by default named after itself, or all files of a folder. May be repeated.', repeatOption)
    .option('--from-env-file <path>', 'A file of lines KEY=value. May be repeated.', repeatOption)
}

function configMap(cli: Cli): Command {
  const command = maker(cli, 'configmap', 'Create a ConfigMap from files and values.', async (name, options) =>
    configMapObject(name, await readData(options, cli.env)),
  ).alias('cm')
  return withExamples(withDataSources(command), 'davit create configmap settings --from-literal=color=blue --from-file=app.conf')
}

function secret(cli: Cli): Command {
  const generic = maker(cli, 'generic', 'Create a Secret from files and values.', async (name, options) =>
    secretObject(name, await readData(options, cli.env), options.type as string | undefined),
  ).option('--type <type>', 'Type of the Secret; Opaque when left out.')
  const tls = maker(cli, 'tls', 'Create a TLS Secret from a certificate and its key.', async (name, options) => {
    if (!options.cert || !options.key) throw new Error('key and cert must be specified')
    const data = new Map([
      ['tls.crt', await readPem(String(options.cert))],
      ['tls.key', await readPem(String(options.key))],
    ])
    return secretObject(name, data, 'kubernetes.io/tls')
  })
    .option('--cert <file>', 'Certificate, PEM.')
    .option('--key <file>', 'Its key, PEM.')
  const registry = maker(cli, 'docker-registry', 'Create a Secret with which images are pulled.', (name, options) =>
    secretObject(name, new Map([['.dockerconfigjson', Buffer.from(dockerConfig(options))]]), 'kubernetes.io/dockerconfigjson'),
  )
    .option('--docker-server <host>', 'Registry.', 'https://index.docker.io/v1/')
    .option('--docker-username <name>', 'User at the registry.')
    .option('--docker-password <password>', 'Password of that user.')
    .option('--docker-email <address>', 'Address of that user.')
  return new Command('secret')
    .description('Create a Secret: generic, tls or docker-registry.')
    .addCommand(withDataSources(generic))
    .addCommand(tls)
    .addCommand(registry)
}

async function readPem(path: string): Promise<Buffer> {
  return readFile(path).catch((err: NodeJS.ErrnoException) => {
    throw new Error(`Cannot read file ${path}, open ${path}: ${err.code === 'ENOENT' ? 'no such file or directory' : err.message}`)
  })
}

function dockerConfig({ dockerServer, dockerUsername, dockerPassword, dockerEmail }: Record<string, unknown>): string {
  if (!dockerUsername || !dockerPassword)
    throw new Error('either --from-file or the combination of --docker-username, --docker-password and --docker-server is required')
  const auth = Buffer.from(`${dockerUsername}:${dockerPassword}`).toString('base64')
  const entry = { username: dockerUsername, password: dockerPassword, ...(dockerEmail ? { email: dockerEmail } : {}), auth }
  return JSON.stringify({ auths: { [String(dockerServer)]: entry } })
}

function deployment(cli: Cli): Command {
  const command = maker(cli, 'deployment', 'Create a Deployment.', (name, options) => {
    const images = (options.image ?? []) as string[]
    if (images.length === 0) throw new Error('required flag(s) "image" not set')
    return deploymentObject({
      name,
      images,
      replicas: options.replicas as number,
      ...(options.port !== undefined && { port: options.port as number }),
      ...(cli.afterDashes && { command: cli.afterDashes }),
    })
  })
    .alias('deploy')
    .option('--image <image>', 'Image to run. May be repeated.', repeatOption)
    .option('-r, --replicas <count>', 'How many pods.', integerOption('-r, --replicas'), 1)
    .option('--port <port>', 'Port the container listens on.', integerOption('--port'))
  return withExamples(command, 'davit create deployment web --image=nginx:1.25 --replicas=3 --port=80')
}

function service(cli: Cli): Command {
  const kinds = [
    { name: 'clusterip', type: 'ClusterIP', what: 'reached inside the cluster' },
    { name: 'nodeport', type: 'NodePort', what: 'reached at a port of every node' },
    { name: 'loadbalancer', type: 'LoadBalancer', what: 'reached from outside' },
    { name: 'externalname', type: 'ExternalName', what: 'that stands for a DNS name' },
  ] as const
  const command = new Command('service').alias('svc').description('Create a Service for pods labelled app=NAME.')
  for (const { name, type, what } of kinds) {
    const child = maker(cli, name, `Create a Service ${what}.`, (serviceName, options) => {
      const tcp = (options.tcp ?? []) as string[]
      const isHeadless = options.clusterip === 'None'
      if (type === 'ExternalName' && !options.externalName) throw new Error('required flag(s) "external-name" not set')
      if (tcp.length === 0 && type !== 'ExternalName' && !isHeadless) throw new Error('at least one tcp port specifier must be provided')
      return serviceObject({
        name: serviceName,
        type,
        tcp,
        ...(options.nodePort !== undefined && { nodePort: options.nodePort as number }),
        ...(options.clusterip !== undefined && { clusterIp: String(options.clusterip) }),
        ...(options.externalName !== undefined && { externalName: String(options.externalName) }),
      })
    }).option('--tcp <port[:target]>', 'Port of the Service, and of the pods if another. May be repeated.', repeatOption)
    if (type === 'ClusterIP') child.option('--clusterip <address>', 'Address of the Service; None for none.')
    if (type === 'NodePort') child.option('--node-port <port>', 'Port on the nodes; chosen when left out.', integerOption('--node-port'))
    if (type === 'ExternalName') child.option('--external-name <name>', 'DNS name it stands for.')
    command.addCommand(child)
  }
  return command
}
