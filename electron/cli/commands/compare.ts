/** pager compare: the same workload, run otherwise, side by side. */
import { commonHelp, onlyArgument, parse, UsageError, type Command } from '../command.ts'
import { comparePagers } from '../comparePagers.ts'

export const compare: Command = {
  help: `
pager compare --pagers NAME,NAME... EXPERIMENT.json [options]

Runs an experiment once under each kernel's vnode pager and shows what differs: counts from the side of the devices, which mean
the same for all, and each kernel's own counters beside them.

  --pagers LIST     freebsd, dragonfly, netbsd
${commonHelp}

Exit status: 0 all finished; 1 one did not; 2 the experiment cannot be run.`,

  run(args) {
    const { values, positionals } = parse(args, { pagers: { type: 'string' } })
    const name = onlyArgument(positionals, 'experiment file')
    if (values.pagers === undefined) throw new UsageError('which pagers? --pagers freebsd,dragonfly,netbsd')
    return comparePagers(name, values.pagers.split(','), { workspace: values.workspace, json: values.json === true })
  },
}
