export { down } from './down.ts'
export { image } from './image.ts'
export { status } from './status.ts'
export { up } from './up.ts'
