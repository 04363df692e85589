import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'

/** The repository's folder. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface BundleOptions {
  /** Compiled file to begin with, from the repository's folder. */
  readonly entry: string
  readonly outfile: string
  readonly format: 'cjs' | 'esm'
  readonly version: string
  /** Oldest Node that shall run it, such as `node22`. */
  readonly target: string
  /** Packages that are required but never used: an empty object takes their place. */
  readonly unused?: readonly string[]
  /** Modules that are looked for when it runs, and may be missing. */
  readonly external?: readonly string[]
  readonly plugins?: readonly Plugin[]
}

/** What CommonJS packages expect, in an ES module. */
const COMMONJS = [
  "import { createRequire as davitCreateRequire } from 'node:module';",
  "import { fileURLToPath as davitFileURLToPath } from 'node:url';",
  'const require = davitCreateRequire(import.meta.url);',
  'const __filename = davitFileURLToPath(import.meta.url);',
  "const __dirname = davitFileURLToPath(new URL('.', import.meta.url));",
].join(' ')

/**
 * Makes one file of a program and all it imports; gives the paths of what went in, from the repository's folder. Names stay as they
 * are, for the stack traces, but nothing else that would be held in memory for people to read.
 */
export async function bundle(options: BundleOptions): Promise<string[]> {
  const { entry, outfile, format, version, target, unused = [], external = [], plugins = [] } = options
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [join(ROOT, entry)],
    outfile,
    format,
    target,
    bundle: true,
    platform: 'node',
    mainFields: ['module', 'main'],
    // Left in, each file's licence would be kept in the middle of the code: they go into a file of their own.
    legalComments: 'none',
    minifyWhitespace: true,
    minifySyntax: true,
    metafile: true,
    external: [...external],
    define: { __DAVIT_VERSION__: JSON.stringify(version) },
    // A CommonJS bundle is one file that is asked whether it is one before it looks for others.
    logOverride: { 'empty-import-meta': 'silent' },
    ...(format === 'esm' && { banner: { js: COMMONJS } }),
    plugins: [leaveOut(unused), englishOnly, ...plugins],
    logLevel: 'warning',
  })
  return Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs))
}

function leaveOut(packages: readonly string[]): Plugin {
  return {
    name: 'leave-out',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^[^.]/ }, ({ path }) => (packages.includes(path) ? { path, namespace: 'left-out' } : undefined))
      onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {}' }))
    },
  }
}

/** zod's messages in 50 languages are a fifth of the agent; Kubernetes' are English. */
const englishOnly: Plugin = {
  name: 'english-only',
  setup({ onLoad }) {
    const contents = "export { default as en } from './en.js'"
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({ contents }))
  },
}
