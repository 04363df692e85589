/** The compose project of control planes on a machine. */
import { shellQuote } from '../ssh/index.ts'
import type { MachineShell } from './shell.ts'

export interface ComposeProject {
  /** Where its compose.yaml is on that machine. */
  readonly directory: string
  /** `docker compose` or `docker-compose`. */
  readonly program: string
}

/** Finds the cluster's project by the labels of its containers, wherever its folder was put. Throws when there is none. */
export async function findProject(
  shell: MachineShell,
  { project, service }: { project: string; service: string },
): Promise<ComposeProject> {
  const filters = [`project=${project}`, `service=${service}`].map(label => `--filter ${shellQuote(`label=com.docker.compose.${label}`)}`)
  const format = shellQuote('{{.Label "com.docker.compose.project.working_dir"}}')
  const listed = await shell.demand('list containers', `docker ps --all ${filters.join(' ')} --format ${format}`)
  const directory = listed.trim().split('\n')[0]
  if (!directory)
    throw new Error(
      `There is no container of service "${service}" of compose project "${project}" there: was it started with docker compose?`,
    )
  const program = await shell.demand(
    'find docker compose',
    'if docker compose version >/dev/null 2>&1; then echo docker compose; elif command -v docker-compose >/dev/null; then echo docker-compose; else echo "neither docker compose nor docker-compose is installed" >&2; exit 1; fi',
  )
  return { directory, program: program.trim() }
}

/** The image a service's container was made from. */
export async function presentImage(shell: MachineShell, { project, service }: { project: string; service: string }): Promise<string> {
  const filters = [`project=${project}`, `service=${service}`].map(label => `--filter ${shellQuote(`label=com.docker.compose.${label}`)}`)
  return (
    (await shell.demand('read the present image', `docker ps --all ${filters.join(' ')} --format '{{.Image}}'`)).trim().split('\n')[0] ?? ''
  )
}
