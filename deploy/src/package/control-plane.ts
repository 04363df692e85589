import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { bundle, ROOT } from './bundle.ts'
import type { PackageOptions } from './options.ts'

/** Makes `control-plane/` in `out`, the context of its image: `node control-plane.cjs` runs it. Gives the paths of what went in. */
export async function packageControlPlane({ version, out }: PackageOptions & { readonly out: string }): Promise<string[]> {
  const dir = join(out, 'control-plane')
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  await cp(join(ROOT, 'node_modules/etcd3/proto'), join(dir, 'proto'), { recursive: true })
  await cp(join(ROOT, 'deploy/docker/control-plane'), join(dir, 'control-plane'))
  return bundle({
    entry: 'control-plane/dist/main.js',
    outfile: join(dir, 'control-plane.cjs'),
    format: 'cjs',
    target: 'node22',
    version,
    external: ['bufferutil', 'utf-8-validate'],
    plugins: [ownProtocolFiles],
  })
}

const PROTO_ELSEWHERE = '/../proto/rpc.proto`'

/** etcd3 reads its protocol from files beside its code, which are beside the bundle now. */
const ownProtocolFiles: Plugin = {
  name: 'own-protocol-files',
  setup({ onLoad }) {
    onLoad({ filter: /etcd3\/lib\/connection-pool\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      if (!text.includes(PROTO_ELSEWHERE))
        throw new Error(`Cannot bundle etcd3: ${path} does not read its protocol from ${PROTO_ELSEWHERE} any more`)
      return { contents: text.replaceAll(PROTO_ELSEWHERE, '/proto/rpc.proto`'), loader: 'js' }
    })
  },
}
