/** pager verify: replays golden operation logs against the pagers. */
import path from 'node:path'
import { verifyFiles, type VerifyFileResult } from '../../../engine/conformance/index.ts'
import { plainJson, readLog } from '../../../engine/conformance/log.ts'
import { loadVariant } from '../../service/variants.ts'
import { commonHelp, parse, print, printJson, UsageError, variantHelp, type Command } from '../command.ts'
import { count, ProgressLine } from '../terminal.ts'

const OPERATION_LENGTH_MAX = 160

export const verify: Command = {
  help: `
pager verify LOG.jsonl[.gz]... [options]

Performs every operation of golden logs on the pagers and compares every result. A log's kind is told by its content.

${variantHelp}.
                    The first operation of each log at which it differs from the kernel is shown
${commonHelp}

Exit status: 0 no difference; 1 there is one; 2 a log cannot be replayed.`,

  async run(args) {
    const { values, positionals } = parse(args, { variant: { type: 'string' } })
    if (positionals.length === 0) throw new UsageError('which logs? See --help')
    const loaded = values.variant === undefined ? null : await loadVariant(values.variant)
    const line = new ProgressLine()
    try {
      const result = verifyFiles(
        positionals,
        ({ file, fileIndex, files, operations }) =>
          line.show(`${count(operations)} operations, ${path.basename(file)}`, fileIndex / files),
        loaded ? { variant: loaded.variant } : {},
      )
      line.clear()
      if (values.json) {
        const { name, digest } = loaded?.source ?? {}
        printJson(loaded ? { ...result, variant: { name, digest } } : result)
      } else {
        for (const file of result.files) {
          print(fileText(file))
          if (loaded && file.first) print(`  ${operationAt(file.file, file.first.line)}`)
        }
        if (loaded) print(`variant ${loaded.source.name}, SHA-256 ${loaded.source.digest}`)
        print(`${count(result.operations)} operations, ${count(result.differences)} differences`)
      }
      return result.differences === 0 ? 0 : 1
    } finally {
      line.clear()
    }
  },
}

/** An operation as its log has it, cut to a line of a terminal. */
function operationAt(file: string, wanted: number): string {
  for (const { line, record } of readLog(file))
    if (line === wanted) {
      const text = JSON.stringify(plainJson(record))
      return text.length > OPERATION_LENGTH_MAX ? `${text.slice(0, OPERATION_LENGTH_MAX)}...` : text
    }
  return ''
}

function fileText({ file, operations, differences, first }: VerifyFileResult): string {
  if (!first) return `${file}: ${count(operations)} operations, equal`
  const shown = (value: unknown) => JSON.stringify(value)
  return `${file}: ${count(operations)} operations, ${count(differences)} differences; the first in line ${first.line}: ${first.field} is ${shown(first.got)}, expected ${shown(first.expected)}`
}
