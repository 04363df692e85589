export { type ComposeProject, findProject, presentImage } from './compose-project.ts'
export { type MachineShell, openMachine } from './shell.ts'
