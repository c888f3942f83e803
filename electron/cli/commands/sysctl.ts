/** pager sysctl: a recorded run under the kernel's names, at its end. */
import { z } from 'zod'
import { valuesUnder, type KernelValue, type KernelView } from '../../../engine/sim/kernelNames.ts'
import { formatProcesses, formatSwapinfo, formatValue, formatVmstat } from '../../../engine/sim/kernelNamesText.ts'
import { ContractError } from '../../contract/contract.ts'
import { runNumber, withReader } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, workspaceOf, type Command } from '../command.ts'

/** How a view is shown as a whole, by the tool whose columns it has. */
const formats = new Map<string, (view: KernelView) => string>([
  ['sysctl', ({ values }) => listText(Object.entries(values))],
  ['swapinfo', formatSwapinfo],
  ['vmstat', formatVmstat],
  ['processes', formatProcesses],
])

export const sysctl: Command = {
  help: `
pager sysctl RUN [NAME...] [options]

Shows a recorded run under the kernel's names, as of just before its last process exited (or as of its end, if it was
stopped). A NAME is that of a value, such as vm.swap_total, or of a node, such as vm.stats.vm; without one all are shown.

  --format FORMAT   sysctl (name and value), swapinfo (devices), vmstat (counters), processes (memory and swap of each)
${commonHelp}

Exit status: 0; 2 for a run or a name that there is not.`,

  run(args) {
    const { values: options, positionals } = parse(args, { format: { type: 'string' } })
    const [first, ...names] = positionals
    if (first === undefined) throw new UsageError('which run? "pager runs" lists them')
    const { format = 'sysctl' } = options
    const show = formats.get(format)
    if (!show)
      throw new UsageError(`--format: there is no format "${format}"; there are ${[...formats.keys()].join(', ')}`)
    if (names.length > 0 && format !== 'sysctl')
      throw new UsageError(`--format ${format} is a table of its own; names go with --format sysctl`)
    const run = runNumber(first)
    const view = readView(run, workspaceOf(options.workspace))
    const selected = names.flatMap((name) => {
      const found = valuesUnder(view, name)
      if (found.length === 0)
        throw new UsageError(`run ${run} has no value named ${name}; "pager sysctl ${run}" shows all`)
      return found
    })
    const virtualSeconds = view.timeNs / 1e9
    if (options.json) {
      if (names.length > 0) printJson({ run, virtualSeconds, values: Object.fromEntries(selected) })
      else printJson({ run, virtualSeconds, values: view.values, devices: view.devices, processes: view.processes })
    } else if (names.length > 0) print(listText(selected))
    else print(show(view))
    return Promise.resolve(0)
  },
}

const listText = (values: [string, KernelValue][]) => values.map(([name, value]) => formatValue(name, value)).join('\n')

const viewSchema = z.object({
  timeNs: z.number(),
  values: z.record(z.string(), z.union([z.number(), z.string(), z.record(z.string(), z.number())])),
  devices: z.array(z.object({ name: z.string(), blocks: z.number(), used: z.number() })),
  processes: z.array(
    z.object({
      pid: z.number(),
      name: z.string(),
      hasExited: z.boolean(),
      residentPages: z.number(),
      swapBlocks: z.number(),
    }),
  ),
})

/** Throws ContractError for a run that has no view, StoreError for one that there is not. */
export function readView(run: number, workspace: string): KernelView {
  const { stored, status } = withReader(workspace, ({ store }) => ({
    stored: store.runs.kernelView(run),
    status: store.runs.get(run).status,
  }))
  const { data } = viewSchema.safeParse(stored)
  if (data) return data
  const why =
    status === 'running' || status === 'paused'
      ? `is ${status}; the values are those of its end`
      : status === 'interrupted' || status === 'failed'
        ? `was ${status} before its end, so they were not kept`
        : 'was recorded by a version that did not keep them'
  throw new ContractError({ code: 'no-kernel-values', message: `run ${run} has no kernel values: it ${why}` })
}
