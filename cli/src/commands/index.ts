import type { CommandMaker } from '../command-line/index.ts'
import { apiResourcesCommand, apiVersionsCommand } from './api-resources.ts'
import { applyCommand } from './apply.ts'
import { backupCommand } from './backup.ts'
import { certsCommand } from './certs.ts'
import { down, image, status, up } from './cluster/index.ts'
import { clusterInfoCommand } from './cluster-info.ts'
import { completionCommand } from './completion.ts'
import { configCommand } from './config.ts'
import { cordonCommand, uncordonCommand } from './cordon.ts'
import { createCommand } from './create.ts'
import { deleteCommand } from './delete.ts'
import { describeCommand } from './describe.ts'
import { diffCommand } from './diff.ts'
import { drainCommand } from './drain.ts'
import { editCommand } from './edit.ts'
import { eventsCommand } from './events.ts'
import { attachCommand, execCommand } from './exec.ts'
import { explainCommand } from './explain.ts'
import { exposeCommand } from './expose.ts'
import { getCommand } from './get.ts'
import { initCommand } from './init.ts'
import { logsCommand } from './logs.ts'
import { annotateCommand, labelCommand } from './metadata-entries.ts'
import { nodeCommand } from './node/index.ts'
import { patchCommand } from './patch.ts'
import { portForwardCommand } from './port-forward.ts'
import { recoverCommand } from './recover.ts'
import { replaceCommand } from './replace.ts'
import { rolloutCommand } from './rollout.ts'
import { runCommand } from './run.ts'
import { scaleCommand } from './scale.ts'
import { setCommand } from './set.ts'
import { taintCommand } from './taint.ts'
import { tokenCommand } from './token.ts'
import { upgradeClusterCommand } from './upgrade.ts'
import { versionCommand } from './version.ts'
import { waitCommand } from './wait.ts'

export interface CommandGroup {
  readonly heading: string
  readonly commands: readonly CommandMaker[]
}

/** Every verb, in the order help shows them. `version` is this program's. */
export function commandGroups(version: string): readonly CommandGroup[] {
  return [
    { heading: 'The cluster on this machine:', commands: [up, down, status, image] },
    { heading: 'A cluster on machines of your own:', commands: [initCommand] },
    { heading: 'Looking:', commands: [getCommand, describeCommand, logsCommand, eventsCommand, explainCommand, diffCommand, waitCommand] },
    {
      heading: 'Changing:',
      commands: [
        applyCommand,
        createCommand,
        deleteCommand,
        editCommand,
        patchCommand,
        replaceCommand,
        labelCommand,
        annotateCommand,
        setCommand,
        exposeCommand,
      ],
    },
    { heading: 'Running:', commands: [runCommand, scaleCommand, rolloutCommand, execCommand, attachCommand, portForwardCommand] },
    { heading: 'Nodes:', commands: [nodeCommand, cordonCommand, uncordonCommand, drainCommand, taintCommand, tokenCommand, certsCommand] },
    { heading: 'Keeping:', commands: [upgradeClusterCommand, backupCommand, recoverCommand] },
    {
      heading: 'The API and this program:',
      commands: [
        apiResourcesCommand,
        apiVersionsCommand,
        clusterInfoCommand,
        configCommand,
        completionCommand,
        cli => versionCommand(cli, version),
      ],
    },
  ]
}
