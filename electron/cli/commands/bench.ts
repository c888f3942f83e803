/** pager bench: the project's benchmarks. */
import { commonHelp, note, parse, print, printJson, UsageError, type Command } from '../command.ts'
import { table } from '../terminal.ts'

export const bench: Command = {
  help: `
pager bench [NAME...] [options]

Runs the project's benchmarks, or those named. A value is per second unless its unit says otherwise; the ratio is to a
baseline that was measured in the same run.

  --long            where a benchmark knows how: on a run of a hundred million events (store), which takes minutes to make and is
                    kept in the folder for temporary files
  --peer PATH       libCacheSim's cachesim: sim measures itself against that too
${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, { long: { type: 'boolean', default: false }, peer: { type: 'string', default: '' } })
    const { benches } = await import('../../../test/bench/index.ts')
    const names = Object.keys(benches)
    const unknown = positionals.find((name) => !names.includes(name))
    if (unknown !== undefined) throw new UsageError(`there is no benchmark "${unknown}"; there are ${names.join(', ')}`)
    const results = []
    for (const name of positionals.length === 0 ? names : positionals) {
      if (process.stderr.isTTY) note(`${name} ...`)
      const module = await benches[name]?.()
      if (module) results.push(...(await module.bench({ long: values.long, peer: values.peer })))
    }
    if (values.json) printJson({ results })
    else
      print(
        table(
          ['name', 'value#', 'unit', 'baseline#', 'ratio#'],
          results.map(({ name, value, unit, baseline, ratio }) => [name, figure(value), unit, figure(baseline), figure(ratio)]),
        ),
      )
    return 0
  },
}

/** Four significant digits, or all of a large number. */
function figure(value: number | undefined): string {
  if (value === undefined) return ''
  return Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(4)))
}
