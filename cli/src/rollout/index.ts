export { annotationsToRestore, changeCauseOf, type History, historyOf, isSameTemplate, revisionOf, templateOf } from './history.ts'
export { type RolloutStatus, rolloutStatus } from './status.ts'
