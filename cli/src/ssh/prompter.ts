import type { Readable, Writable } from 'node:stream'

/** Asks the person at the terminal, one question at a time however many hosts are at work. */
export interface Prompter {
  /** False: nobody is there to answer, and the questions below reject. */
  readonly isInteractive: boolean
  /** What is typed is not shown. */
  secret(question: string): Promise<string>
  confirm(question: string): Promise<boolean>
}

export interface Terminal {
  readonly stdin: Readable & { isTTY?: boolean; setRawMode?: (mode: boolean) => unknown }
  readonly stderr: Writable
  /** Called before a question is shown and after it was answered: lines that are drawn anew all the time stand still meanwhile. */
  readonly pause?: () => void
  readonly resume?: () => void
}

const END = { enter: '\r', newline: '\n', interrupt: '\u0003', endOfInput: '\u0004' }
const RUBOUT = ['\u007f', '\b']

export function createPrompter({ stdin, stderr, pause, resume }: Terminal): Prompter {
  const isInteractive = stdin.isTTY === true && stdin.setRawMode !== undefined
  let last: Promise<unknown> = Promise.resolve()

  const ask = (question: string, shown: boolean): Promise<string> => {
    const answer = last.then(async () => {
      if (!isInteractive) throw new Error(`Cannot ask "${question.trim()}": standard input is not a terminal`)
      pause?.()
      stderr.write(question)
      try {
        return await readLine({ stdin, stderr }, shown)
      } finally {
        stderr.write('\n')
        resume?.()
      }
    })
    last = answer.catch(() => {})
    return answer
  }

  return {
    isInteractive,
    secret: question => ask(question, false),
    async confirm(question) {
      for (;;) {
        const answer = (await ask(`${question} [yes/no] `, true)).trim().toLowerCase()
        if (answer === 'yes' || answer === 'y') return true
        if (answer === 'no' || answer === 'n') return false
      }
    },
  }
}

/** Reads keys themselves, for only so can the terminal be kept from showing them. Rejects on Ctrl-C and Ctrl-D. */
function readLine({ stdin, stderr }: Terminal, shown: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = ''
    const finish = (act: () => void) => {
      stdin.off('data', onData)
      stdin.setRawMode?.(false)
      stdin.pause()
      act()
    }
    const onData = (data: Buffer) => {
      for (const key of data.toString('utf8')) {
        if (key === END.enter || key === END.newline) return finish(() => resolve(line))
        if (key === END.interrupt || key === END.endOfInput) return finish(() => reject(new Error('Interrupted')))
        if (RUBOUT.includes(key)) {
          if (shown && line) stderr.write('\b \b')
          line = line.slice(0, -1)
        } else {
          line += key
          if (shown) stderr.write(key)
        }
      }
    }
    stdin.setRawMode?.(true)
    stdin.on('data', onData)
    stdin.resume()
  })
}
