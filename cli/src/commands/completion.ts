import { Command } from 'commander'
import { type Cli, UsageError, withExamples } from '../command-line/index.ts'

/** `davit completion`. */
export function completionCommand(cli: Cli): Command {
  const command = new Command('completion')
    .description('Print a script that lets the shell complete verbs, types and names.')
    .argument('[shell]', 'bash or zsh.')
    .action((shell: string | undefined, _options: unknown, self: Command) => {
      if (shell !== 'bash' && shell !== 'zsh') throw new UsageError(shell ? `Unsupported shell type "${shell}".` : 'Shell not specified.')
      const verbs = (self.parent?.commands ?? []).map(verb => verb.name())
      cli.print(`${shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : ''}${bashScript(verbs)}`)
    })
  return withExamples(command, 'source <(davit completion bash)')
}

/** Types and names are asked of the server when they are wanted. */
function bashScript(verbs: readonly string[]): string {
  return `_davit() {
  local word=\${COMP_WORDS[COMP_CWORD]} verb=\${COMP_WORDS[1]} type=\${COMP_WORDS[2]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.join(' ')}" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case $verb in
      logs|exec|attach|port-forward) COMPREPLY=($(compgen -W "$(davit get pods -o name 2>/dev/null | sed 's,pod/,,')" -- "$word")) ;;
      cordon|uncordon|drain) COMPREPLY=($(compgen -W "$(davit get nodes -o name 2>/dev/null | sed 's,node/,,')" -- "$word")) ;;
      *) COMPREPLY=($(compgen -W "$(davit api-resources -o name 2>/dev/null | sed 's,\\..*,,')" -- "$word")) ;;
    esac
  elif [ "$COMP_CWORD" -eq 3 ]; then
    COMPREPLY=($(compgen -W "$(davit get "$type" -o name 2>/dev/null | sed 's,.*/,,')" -- "$word"))
  fi
}
complete -o default -F _davit davit
`
}
