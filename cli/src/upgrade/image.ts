/** Which image a control plane runs. */
import type { ComposeProject, MachineShell } from '../machines/index.ts'
import { shellQuote } from '../ssh/index.ts'

/** Starts a service anew from `image`; the file keeps the old one until `keepImage`. */
export async function startService(
  shell: MachineShell,
  { directory, program }: ComposeProject,
  { service, image }: { service: string; image: string },
) {
  const at = `cd ${shellQuote(directory)}`
  await shell.demand(
    `get image ${image}`,
    `docker image inspect ${shellQuote(image)} >/dev/null 2>&1 || docker pull --quiet ${shellQuote(image)}`,
    {
      timeoutMs: 600_000,
    },
  )
  // The environment stands above .env: should this break off, the other services of the machine keep their image.
  await shell.demand(
    `start ${service}`,
    `${at} && CONTROL_PLANE_IMAGE=${shellQuote(image)} ${program} up -d --no-deps ${shellQuote(service)}`,
    {
      timeoutMs: 180_000,
    },
  )
}

/** From now on compose starts the control planes of this machine from `image`. */
export async function keepImage(shell: MachineShell, { directory }: ComposeProject, image: string): Promise<void> {
  const file = shellQuote(`${directory}/.env`)
  const line = shellQuote(`s|^CONTROL_PLANE_IMAGE=.*|CONTROL_PLANE_IMAGE=${image}|`)
  await shell.demand('note the image in .env', `cp -p ${file} ${file}.new && sed ${line} ${file} >${file}.new && mv ${file}.new ${file}`)
}
