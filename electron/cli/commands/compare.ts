/** pager compare: recorded runs, or an experiment under several kernels' pagers, side by side. */
import { commonHelp, onlyArgument, parse, workspaceOf, type Command } from '../command.ts'
import { comparePagers } from '../comparePagers.ts'
import { compareRuns } from '../compareRuns.ts'

export const compare: Command = {
  help: `
pager compare RUN RUN... [options]
pager compare --pagers NAME,NAME... EXPERIMENT.json [options]

The first form puts recorded runs next to each other: which fields of their configurations differ, their totals with differences
and ratios to the first run's, and the first event at which their traces part.

The second runs an experiment once under each kernel's vnode pager and shows what differs: counts from the side of the
devices, which mean the same for all, and each kernel's own counters beside them.

  --pagers LIST     freebsd, dragonfly, netbsd
${commonHelp}

Exit status: 0 (for the second form: all finished); 1 one did not finish; 2 a run that there is not, or an experiment that cannot
be run.`,

  run(args) {
    const { values, positionals } = parse(args, { pagers: { type: 'string' } })
    const json = values.json === true
    if (values.pagers === undefined)
      return Promise.resolve(compareRuns(positionals, { workspace: workspaceOf(values.workspace), json }))
    return comparePagers(onlyArgument(positionals, 'experiment file'), values.pagers.split(','), {
      workspace: values.workspace,
      json,
    })
  },
}
