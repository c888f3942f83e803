/** pager sim: replacement-only simulation. */
import { ReplacementError } from '../../../engine/sim/replacement/simulator.ts'
import { replacementPolicies, replacementPolicy } from '../../../engine/sim/replacement/policies/index.ts'
import { simulatePolicies } from '../../service/simulation.ts'
import { commonHelp, onlyArgument, parse, print, printJson, UsageError, wholeNumber, type Command } from '../command.ts'
import { count, ProgressLine, seconds, table } from '../terminal.ts'
import { frameCount, listOf, openTrace, streamHelp, streamOptions } from '../traceStream.ts'

const names = replacementPolicies.map(({ name }) => name)
const DEFAULT_POLICIES = 'lru,fifo,clock,opt'
const width = Math.max(...names.map((name) => name.length))

export const sim: Command = {
  help: `
pager sim TRACE [options]

Counts the misses, swapins and pageouts of replacement policies over a memory trace (plain, .gz or .zst), all sizes in one pass.
Only the choice of pages is simulated: no clusters, no read-ahead, no page daemon ("pager run" does those). A miss loads one
page, first touches included; a pageout is an eviction of a page written since it was loaded; a swapin is a miss on a page
that was paged out before.

  --policy P,P,...  ${DEFAULT_POLICIES} where it is left out; or "all":
${replacementPolicies.map(({ name, description }) => `                    ${name.padEnd(width)}  ${description}`).join('\n')}
  --frames N,N,...  memory sizes in pages, or as N% of the footprint; 5%,10%,25%,50% where it is left out
  --threads N       threads at most; as many as there are cores
${streamHelp}
${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, {
      policy: { type: 'string', default: DEFAULT_POLICIES },
      frames: { type: 'string', default: '5%,10%,25%,50%' },
      threads: { type: 'string' },
      ...streamOptions,
    })
    const trace = onlyArgument(positionals, 'trace file')
    const policies = policyNames(values.policy)
    const sizes = listOf(values.frames, '--frames')
    // a size that cannot be is told before the trace is read
    for (const size of sizes) frameCount(size, 1)
    const threads = values.threads === undefined ? {} : { threads: wholeNumber(values.threads, '--threads', 1) }
    const stream = await openTrace(trace, values)
    const frames = [...new Set(sizes.map((size) => frameCount(size, stream.pageCount)))]
    const line = new ProgressLine()
    const started = performance.now()
    const results = await simulatePolicies(
      stream,
      policies.map((policy) => ({ policy, frames })),
      {
        ...threads,
        onProgress: (done) =>
          line.show(`${count(done)} of ${count(stream.referenceCount)} references`, done / stream.referenceCount),
      },
    ).finally(() => line.clear())
    const elapsed = (performance.now() - started) / 1000
    const { referenceCount, pageCount } = stream
    if (values.json) {
      printJson({ trace, references: referenceCount, footprint: pageCount, seconds: elapsed, results })
      return 0
    }
    print(`${trace}: ${count(referenceCount)} references to ${count(pageCount)} pages, ${seconds(elapsed)}\n`)
    print(
      table(
        ['policy', 'frames#', 'of footprint#', 'misses#', 'of references#', 'swapins#', 'pageouts#'],
        results.map((each) => [
          each.policy,
          count(each.frames),
          `${((100 * each.frames) / Math.max(1, pageCount)).toFixed(1)} %`,
          count(each.misses),
          `${((100 * each.misses) / Math.max(1, referenceCount)).toFixed(3)} %`,
          count(each.swapins),
          count(each.pageouts),
        ]),
      ),
    )
    return 0
  },
}

function policyNames(list: string): string[] {
  if (list === 'all') return names
  try {
    return [...new Set(listOf(list, '--policy').map((name) => replacementPolicy(name).name))]
  } catch (error) {
    throw error instanceof ReplacementError ? new UsageError(`--policy: ${error.message}`) : error
  }
}
