export type { EnsureImage } from './ensure.ts'
export { ImageFailure, type ImageReason } from './failure.ts'
export type { ImageGcOptions } from './gc.ts'
export { type Images, type ImagesOptions, startImages } from './images.ts'
