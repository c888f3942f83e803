/** pager verify: replays golden operation logs against the pagers. */
import path from 'node:path'
import { verifyFiles, type VerifyFileResult } from '../../../engine/conformance/index.ts'
import { commonHelp, parse, print, printJson, UsageError, type Command } from '../command.ts'
import { count, ProgressLine } from '../terminal.ts'

export const verify: Command = {
  help: `
pager verify LOG.jsonl[.gz]... [options]

Performs every operation of golden logs on the pagers and compares every result. A log's kind is told by its content.

${commonHelp}

Exit status: 0 no difference; 1 there is one; 2 a log cannot be replayed.`,

  run(args) {
    const { values, positionals } = parse(args, {})
    if (positionals.length === 0) throw new UsageError('which logs? See --help')
    const line = new ProgressLine()
    try {
      const result = verifyFiles(positionals, ({ file, fileIndex, files, operations }) =>
        line.show(`${count(operations)} operations, ${path.basename(file)}`, fileIndex / files),
      )
      line.clear()
      if (values.json) printJson(result)
      else {
        for (const file of result.files) print(fileText(file))
        print(`${count(result.operations)} operations, ${count(result.differences)} differences`)
      }
      return Promise.resolve(result.differences === 0 ? 0 : 1)
    } finally {
      line.clear()
    }
  },
}

function fileText({ file, operations, differences, first }: VerifyFileResult): string {
  if (!first) return `${file}: ${count(operations)} operations, equal`
  const shown = (value: unknown) => JSON.stringify(value)
  return `${file}: ${count(operations)} operations, ${count(differences)} differences; the first in line ${first.line}: ${first.field} is ${shown(first.got)}, expected ${shown(first.expected)}`
}
