/** `davit init --from-backup`: a new cluster directory that goes on where the archive's cluster was. */
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BackupManifest, extractArchive, restorePki } from '@davit/api/backup'
import { type InitAnswers, type InitResult, initCluster, readClusterConfig } from '@davit/deploy'
import type { Cli } from '../command-line/index.ts'
import { backupSecret, type SecretFlags } from './options.ts'

/** Keys are the archive's, and so are the networks unless asked otherwise, which fails; every machine gets the snapshot. */
export async function initFromBackup(
  cli: Cli,
  dir: string,
  answers: InitAnswers,
  { fromBackup, ...flags }: SecretFlags & { fromBackup: string },
): Promise<InitResult & { manifest: BackupManifest }> {
  if (await readClusterConfig(dir)) throw new Error(`There is a cluster in ${dir} already: restore into a new directory`)
  await using extracted = await extractArchive(fromBackup, await backupSecret(cli, flags), tmpdir())
  const { manifest, pkiDir, snapshot } = extracted
  const { pods, services } = manifest.networks
  refuseOther('--pod-cidr', answers.podCidr, pods)
  refuseOther('--service-cidr', answers.serviceCidr, services)
  const secrets = join(dir, 'secrets')
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await restorePki(pkiDir, secrets)
  try {
    const result = await initCluster(dir, { ...answers, podCidr: pods, serviceCidr: services, restored: true }, { clock: cli.clock })
    for (const { folder } of result.machines) {
      await mkdir(join(dir, folder, 'restore'), { recursive: true, mode: 0o700 })
      await copyFile(snapshot, join(dir, folder, 'restore', 'snapshot.db'))
    }
    return { ...result, manifest }
  } catch (error) {
    // What was asked for cannot be: nothing but the keys was written, and they would be taken for another cluster's the next time.
    if (!(await readClusterConfig(dir))) await rm(secrets, { recursive: true })
    throw error
  }
}

function refuseOther(flag: string, asked: string | undefined, present: string): void {
  if (asked !== undefined && asked !== present)
    throw new Error(`${flag} is "${asked}", and the cluster in the archive has "${present}": its pods and Services have addresses of it`)
}
