/** Why a container has no image, with the reason Kubernetes shows while it waits. */
export type ImageReason =
  | 'ErrImagePull'
  | 'ErrImageNeverPull'
  | 'ErrImageArchitecture'
  | 'ErrImageInspect'
  | 'InvalidImageName'
  | 'RegistryUnavailable'

export class ImageFailure extends Error {
  readonly reason: ImageReason

  constructor(reason: ImageReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ImageFailure'
    this.reason = reason
  }
}
