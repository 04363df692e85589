export { type ManifestObject, parseManifests } from './parse.ts'
export { readManifests } from './read.ts'
