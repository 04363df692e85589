/** Which image a control plane runs. */
import type { ComposeProject, MachineShell } from '../machines/index.ts'
import { shellQuote } from '../ssh/index.ts'

const PULL_MB = 500

/** Pulls an image where it is not there yet. Throws with what to do. */
export async function getImage(shell: MachineShell, image: string): Promise<void> {
  const name = shellQuote(image)
  const script = `docker image inspect ${name} >/dev/null 2>&1 && exit
free=$(df -Pk "$(docker info --format '{{.DockerRootDir}}')" 2>/dev/null | awk 'NR==2 {print int($4 / 1024)}')
[ "\${free:-${PULL_MB}}" -ge ${PULL_MB} ] || { echo "it is not there, and $free MB are free for Docker's data, wanted ${PULL_MB} MB" >&2; exit 1; }
docker pull --quiet ${name}`
  await shell.demand(`get image ${image}`, script, { timeoutMs: 600_000 }).catch((cause: Error) => {
    throw new Error(`${cause.message}. Bring it onto the machine, or name another with --image`, { cause })
  })
}

/** Starts a service anew from `image`; the file keeps the old one until `keepImage`. */
export async function startService(
  shell: MachineShell,
  { directory, program }: ComposeProject,
  { service, image }: { service: string; image: string },
) {
  const at = `cd ${shellQuote(directory)}`
  await getImage(shell, image)
  // The environment stands above .env: should this break off, the other services of the machine keep their image.
  await shell.demand(
    `start ${service}`,
    `${at} && CONTROL_PLANE_IMAGE=${shellQuote(image)} ${program} up -d --no-deps ${shellQuote(service)}`,
    {
      timeoutMs: 180_000,
    },
  )
}

/** Throws when keepImage() would not do. */
export async function canKeepImage(shell: MachineShell, { directory }: ComposeProject): Promise<void> {
  const file = shellQuote(`${directory}/.env`)
  const lacking = `{ echo 'it holds no CONTROL_PLANE_IMAGE; copy the folder of this machine there again' >&2; exit 1; }`
  await shell.demand(`use ${directory}/.env`, `grep -qs '^CONTROL_PLANE_IMAGE=' ${file} || ${lacking}`)
}

/** From now on compose starts the control planes of this machine from `image`. */
export async function keepImage(shell: MachineShell, { directory }: ComposeProject, image: string): Promise<void> {
  const file = shellQuote(`${directory}/.env`)
  const line = shellQuote(`s|^CONTROL_PLANE_IMAGE=.*|CONTROL_PLANE_IMAGE=${image}|`)
  await shell.demand('note the image in .env', `cp -p ${file} ${file}.new && sed ${line} ${file} >${file}.new && mv ${file}.new ${file}`)
}
