/** The compose project of control planes on a machine. */
import { shellQuote } from '../ssh/index.ts'
import type { MachineShell } from './shell.ts'

/** A service of a cluster's project. */
export interface ServiceName {
  readonly project: string
  readonly service: string
}

export interface Container {
  readonly id: string
  /** That it was made from. */
  readonly image: string
  /** Where its compose.yaml is on that machine. */
  readonly directory: string
}

/** Finds a service's container by its labels, whether it runs or not. Throws when there is none. */
export async function findContainer(shell: MachineShell, { project, service }: ServiceName): Promise<Container> {
  const filters = [`project=${project}`, `service=${service}`].map(label => `--filter ${shellQuote(`label=com.docker.compose.${label}`)}`)
  const format = shellQuote('{{.ID}} {{.Image}} {{.Label "com.docker.compose.project.working_dir"}}')
  const listed = await shell.demand('list containers', `docker ps --all ${filters.join(' ')} --format ${format}`)
  const [, id = '', image = '', directory = ''] = /^(\S+) (\S+) (.+)$/m.exec(listed) ?? []
  if (directory) return { id, image, directory }
  throw new Error(
    `There is no container of service "${service}" of compose project "${project}" there: was it started with docker compose?`,
  )
}

export interface ComposeProject {
  /** Where its compose.yaml is on that machine. */
  readonly directory: string
  /** `docker compose` or `docker-compose`. */
  readonly program: string
}

/** Finds the cluster's project by a service of it, wherever its folder was put. Throws when there is none. */
export async function findProject(shell: MachineShell, of: ServiceName): Promise<ComposeProject> {
  const { directory } = await findContainer(shell, of)
  const program = await shell.demand(
    'find docker compose',
    'if docker compose version >/dev/null 2>&1; then echo docker compose; elif command -v docker-compose >/dev/null; then echo docker-compose; else echo "neither docker compose nor docker-compose is installed" >&2; exit 1; fi',
  )
  return { directory, program: program.trim() }
}

/** The image a service's container was made from. */
export async function presentImage(shell: MachineShell, of: ServiceName): Promise<string> {
  return (await findContainer(shell, of)).image
}
