/** Stand-ins, made from Debian's packages, for the public images that people's manifests name: there may be no registry here. */
import { copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { command, makeBusyboxRoot, makeImageArchive } from '@davit/deploy'

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

const NGINX_CONF = `user www-data;
daemon off;
worker_processes 1;
pid /run/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 1024; }
http {
  access_log /dev/stdout;
  default_type text/plain;
  server {
    listen 80;
    listen 8080;
    location / { root /usr/share/nginx/html; index index.html; }
    location = /hostname { return 200 "$hostname\\n"; }
    location = /health { access_log off; return 200 "ok\\n"; }
    location = /client { return 200 "$remote_addr\\n"; }
  }
}
`

/** Unpacks Debian packages into a new folder that has a shell; gives its path. */
async function unpack(packages: readonly string[]): Promise<string> {
  const root = await makeBusyboxRoot()
  await unpackInto(root, packages)
  return root
}

/** Unpacks Debian packages, fetched from the package mirror, into the folder `root`. */
export async function unpackInto(root: string, packages: readonly string[]): Promise<void> {
  const downloads = await mkdtemp(join(tmpdir(), 'davit-packages-'))
  try {
    // apt-get download writes into the current folder and takes no other.
    await command('sh', ['-c', `cd '${downloads}' && apt-get -o APT::Sandbox::User=root download ${packages.join(' ')}`], {
      timeoutMs: 180_000,
    })
    for (const file of await readdir(downloads)) await command('dpkg', ['-x', join(downloads, file), root])
  } finally {
    await rm(downloads, { recursive: true, force: true })
  }
}

/** Copies the shared libraries that `binary` of the folder needs, and the folder lacks, from this machine. */
export async function addLibraries(root: string, binary: string): Promise<void> {
  const own = join(root, 'usr/lib', `${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`)
  const listed = (await command('ldd', [join(root, binary)], { env: { ...process.env, LD_LIBRARY_PATH: own } })).stdout
  if (listed.includes('not found'))
    throw new Error(`Cannot make an image with ${binary}: this machine and the packages lack libraries: ${listed}`)
  for (const library of new Set(listed.match(/\/[^ )\n]+/g) ?? [])) {
    if (library.startsWith(root)) continue
    await mkdir(join(root, dirname(library)), { recursive: true })
    await copyFile(library, join(root, library))
  }
}

/** An nginx that serves on 80 and 8080: `/hostname`, `/health`, `/client`. Gives one archive for each tag. */
export async function makeNginxImages(tags: readonly string[], outputDir: string): Promise<string[]> {
  const root = await unpack(['nginx', 'nginx-common'])
  try {
    await addLibraries(root, 'usr/sbin/nginx')
    for (const dir of ['var/log/nginx', 'var/lib/nginx', 'run', 'usr/share/nginx/html', 'etc/nginx'])
      await mkdir(join(root, dir), { recursive: true })
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/false\n')
    await writeFile(join(root, 'etc/group'), 'root:x:0:\nwww-data:x:33:\n')
    await writeFile(join(root, 'etc/nginx/nginx.conf'), NGINX_CONF)
    await writeFile(join(root, 'usr/share/nginx/html/index.html'), '<h1>Welcome to nginx!</h1>\n')
    const config = { Cmd: ['/usr/sbin/nginx'], Env: [PATH], ExposedPorts: { '80/tcp': {} } }
    const archives: string[] = []
    for (const tag of tags) archives.push(await makeImageArchive(root, tag, config, outputDir))
    return archives
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}

/** A shell image, and `slow:1`: a web server on 8080 that takes 300 ms for every answer and exits at once on SIGTERM. */
export async function makeShellImages(outputDir: string): Promise<string[]> {
  const root = await makeBusyboxRoot()
  try {
    const shell = await makeImageArchive(root, 'busybox:1.36', { Cmd: ['sh'], Env: [PATH] }, outputDir)
    await writeFile(
      join(root, 'www/cgi-bin/index.cgi'),
      '#!/bin/sh\nusleep 300000\nprintf \'Content-Type: text/plain\\r\\n\\r\\n%s\\n\' "$(hostname)"\n',
      { mode: 0o755 },
    )
    await writeFile(join(root, 'bin/serve'), "#!/bin/sh\ntrap 'exit 0' TERM\nhttpd -f -p 8080 -h /www &\nwait\n", { mode: 0o755 })
    const slow = await makeImageArchive(root, 'slow:1', { Cmd: ['/bin/serve'], Env: [PATH], ExposedPorts: { '8080/tcp': {} } }, outputDir)
    return [shell, slow]
  } finally {
    await rm(root, { recursive: true, force: true })
  }
}
