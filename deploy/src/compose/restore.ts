/** What a cluster made from a backup has besides: etcd's data comes from the snapshot wherever a member has none yet. */
import type { Service } from './services.ts'
import { setting } from './setting.ts'

/** Folder of a machine that holds `snapshot.db`. */
export const RESTORE_FOLDER = 'restore'

/** In `.env`: another etcd's tool may be called otherwise, and before 3.5.10 it cannot raise the revision. */
export const RESTORE_TOOL = {
  name: 'ETCD_RESTORE',
  value: 'etcdutl snapshot restore --bump-revision=1000000000 --mark-compacted',
} as const

export interface RestoredMember {
  readonly name: string
  readonly suffix: string
  readonly peerUrl: string
  /** `name=peer URL` of all, with commas. */
  readonly initialCluster: string
  readonly clusterName: string
}

/**
 * The steps before etcd starts, the last of them first in `after`. etcd's tool refuses a directory that is there, so it gets one of its
 * own each time, and what it made is taken only where there is no data: coming up again changes nothing.
 */
export function restoreServices(
  { name, suffix, peerUrl, initialCluster, clusterName }: RestoredMember,
  { common, mountAt, dataDir }: { common: Service; mountAt: string; dataDir: string },
): { services: Record<string, Service>; after: string } {
  const restored = `${mountAt}/restored`
  const volume = `etcd${suffix}:${mountAt}:nocopy`
  const step = (extra: Service, after: string): Service => ({
    ...common,
    restart: 'no',
    depends_on: { [after]: { condition: 'service_completed_successfully' } },
    ...extra,
  })
  const place = (verb: string) => ['place-restored', verb, `--restored=${restored}`, `--data-dir=${dataDir}`]
  const flags = [`--data-dir=${restored}`, `--name=${name}`, `--initial-cluster=${initialCluster}`]
  flags.push(`--initial-advertise-peer-urls=${peerUrl}`, `--initial-cluster-token=${clusterName}`)
  const [clear, restore, keep] = [`clear-etcd${suffix}`, `restore-etcd${suffix}`, `place-etcd${suffix}`]
  return {
    services: {
      [clear]: step({ image: setting('CONTROL_PLANE_IMAGE'), command: place('discard'), volumes: [volume] }, 'prepare'),
      [restore]: step(
        {
          image: setting('ETCD_IMAGE'),
          command: [setting(RESTORE_TOOL.name), '/restore/snapshot.db', ...flags].join(' '),
          environment: { ETCDCTL_API: '3' },
          volumes: [volume, `./${RESTORE_FOLDER}:/restore:ro,z`],
        },
        clear,
      ),
      [keep]: step({ image: setting('CONTROL_PLANE_IMAGE'), command: place('keep'), volumes: [volume] }, restore),
    },
    after: keep,
  }
}
