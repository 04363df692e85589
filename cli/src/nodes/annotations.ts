/** Where a Node's machine is reached over SSH, and through which hosts. */
export const SSH_ANNOTATION = 'davit.dev/ssh'
export const JUMP_ANNOTATION = 'davit.dev/ssh-jump'
