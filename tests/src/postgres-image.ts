/** A stand-in, made from Debian's packages, for the public postgres image: same variables, same user, same places. */
import { chmod, copyFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeBusyboxRoot, makeImageArchive } from '@davit/deploy'
import { addLibraries, unpackInto } from './images.ts'

const BIN = '/usr/lib/postgresql/15/bin'
/** Those of the server's libraries that a machine without it may lack. */
const PACKAGES = ['postgresql-15', 'postgresql-client-15', 'libpq5', 'libicu72', 'libxml2', 'libldap-2.5-0', 'libsasl2-2', 'libpam0g']
const PROGRAMS = ['postgres', 'initdb', 'psql', 'pg_ctl', 'pg_isready']

/** As root it gives the data directory to postgres and goes on as that user; an empty one is initialized. */
const ENTRYPOINT = `#!/bin/sh
set -e
as_postgres() { start-stop-daemon -S -q -c postgres -x "$@"; }
[ "$1" = postgres ] || exec "$@"
mkdir -p "$PGDATA" /run/postgresql
chown -R postgres:postgres "$PGDATA" /run/postgresql
chmod 700 "$PGDATA"
if [ ! -e "$PGDATA/initialized" ]; then
  # What a crash left of an initialization that did not end is no data.
  rm -rf "$PGDATA"/*
  as_postgres ${BIN}/initdb -- -D "$PGDATA" -U postgres --auth-local=trust --auth-host=trust --locale=C --encoding=UTF8 >/dev/null
  echo 'host all all all trust' >> "$PGDATA/pg_hba.conf"
  : > "$PGDATA/initialized"
fi
exec start-stop-daemon -S -q -c postgres -x ${BIN}/postgres -- -D "$PGDATA" -c listen_addresses='*' -c shared_buffers=16MB
`

/** Gives an archive for each tag; `data` is where its data lies. Stops on SIGINT, as the public one does. */
export async function makePostgresImages(tags: Readonly<Record<string, { data: string }>>, outputDir: string): Promise<string[]> {
  const root = await makeBusyboxRoot()
  try {
    await unpackInto(root, PACKAGES)
    await keepPrograms(root)
    for (const name of PROGRAMS) await addLibraries(root, `${BIN.slice(1)}/${name}`)
    await mkdir(join(root, 'etc'), { recursive: true })
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n')
    await writeFile(join(root, 'etc/group'), 'root:x:0:\npostgres:x:999:\n')
    await mkdir(join(root, 'var'), { recursive: true })
    await symlink('/run', join(root, 'var/run'))
    await chmod(join(root, 'tmp'), 0o1777)
    await writeFile(join(root, 'bin/docker-entrypoint.sh'), ENTRYPOINT, { mode: 0o755 })
    const archives: string[] = []
    for (const [tag, { data }] of Object.entries(tags)) {
      const config = {
        Entrypoint: ['/bin/docker-entrypoint.sh'],
        Cmd: ['postgres'],
        Env: [`PATH=${BIN}:/usr/sbin:/usr/bin:/sbin:/bin`, `PGDATA=${data}`, 'LC_ALL=C'],
        ExposedPorts: { '5432/tcp': {} },
        StopSignal: 'SIGINT',
      }
      archives.push(await makeImageArchive(root, tag, config, outputDir))
    }
    return archives
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** Of the packages only what runs: the rest are documentation, translations and the just-in-time compiler. */
async function keepPrograms(root: string): Promise<void> {
  const own = join(root, 'usr/lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`)
  await mkdir(own, { recursive: true })
  const merged = join(root, 'lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`)
  for (const file of await readdir(merged).catch(() => [])) {
    if (file.includes('.so')) await copyFile(join(merged, file), join(own, file))
  }
  const kept = new Set(PROGRAMS)
  for (const file of await readdir(join(root, BIN))) if (!kept.has(file)) await rm(join(root, BIN, file))
  for (const unwanted of ['usr/share/doc', 'usr/share/locale', 'usr/share/postgresql/15/man', 'usr/lib/postgresql/15/lib/bitcode'])
    await rm(join(root, unwanted), { recursive: true, force: true })
}
