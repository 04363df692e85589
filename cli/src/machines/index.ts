export { type ComposeProject, findContainer, findProject, presentImage } from './compose-project.ts'
export { type DemandOptions, type MachineShell, openMachine } from './shell.ts'
