/** pager check: whether a workspace's database is whole. */
import type { Finding } from '../../../db/check.ts'
import { withReader } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'
import { bytes, count, ProgressLine } from '../terminal.ts'

export const check: Command = {
  help: `
pager check [options]

Checks everything that the workspace keeps: the database file itself, that every chunk of events decodes and has the digest
that was taken of it, that each run's digest is that of its chunks, that samples of all resolutions agree, that workloads have their
references. Changes nothing, and may be used while the workspace is open.

${commonHelp}

Exit status: 0 all is well; 1 something is wrong, named line by line; 2 there is no workspace, or it cannot be opened.`,

  run(args) {
    const { values, positionals } = parse(args, {})
    if (positionals.length > 0) throw new UsageError(`"${positionals.join(' ')}" is too much`)
    const line = new ProgressLine()
    const { findings, runs, workloads, unusedBytes } = withReader(workspaceOf(values.workspace), ({ store }) => {
      const found: Finding[] = []
      for (const step of store.checkAll()) {
        found.push(...step.findings)
        line.show(`checking, ${found.length} findings`, step.done / step.total)
      }
      return {
        findings: found,
        runs: store.runs.list().length,
        workloads: store.workloads.list().length,
        unusedBytes: store.unusedBytes,
      }
    })
    line.clear()
    if (values.json) printJson({ runs, workloads, unusedBytes, findings })
    else {
      for (const { where, id, message } of findings) print(`${where}${id === null ? '' : ` ${id}`}: ${message}`)
      const unused = unusedBytes > 0 ? `, ${bytes(unusedBytes)} unused` : ''
      const verdict = findings.length === 0 ? 'all is well' : `wrong: ${count(findings.length)}`
      print(`Runs: ${count(runs)}, workloads: ${count(workloads)}${unused}: ${verdict}`)
    }
    return Promise.resolve(findings.length === 0 ? 0 : 1)
  },
}
