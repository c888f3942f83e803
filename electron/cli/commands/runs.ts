/** pager runs: lists the recorded runs, and changes what is said of them and how many are kept. */
import { ContractError, type RunInfo, type WorkbenchClient } from '../../contract/contract.ts'
import { parseSize } from '../../contract/experiment.ts'
import { runNumber, withReader, withWorkbench } from '../client.ts'
import { commonHelp, parse, print, printJson, UsageError, wholeNumber, workspaceOf, type Command } from '../command.ts'
import { requireWorkspace } from '../requireWorkspace.ts'
import { bytes, count, seconds, table } from '../terminal.ts'

export const runs: Command = {
  help: `
pager runs [options]
pager runs ACTION ... [options]

Lists the recorded runs of the workspace, newest first.

  --tag TAG         only runs with that tag

Actions:
  rename RUN NAME
  note RUN TEXT                 what to remember of it; '' removes the note
  tag RUN TAG...                adds tags; runs with the tag "keep" are not removed by limits
  untag RUN TAG...
  remove RUN...
  storage                       what the workspace takes of the disk, and the limits
  limit RUNS|none SIZE|none     keeps at most so many runs, and so much of what they recorded ("2 GiB"): the oldest go
  compact                       gives the disk back what is unused

${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, { tag: { type: 'string' } })
    const workspace = workspaceOf(values.workspace)
    const [action, ...rest] = positionals
    if (action === undefined) {
      list(workspace, values.tag, values.json === true)
      return 0
    }
    if (values.tag !== undefined)
      throw new UsageError('--tag goes with the list only; "pager runs tag RUN TAG" adds one')
    const act = actions.get(action)
    if (!act) throw new UsageError(`there is no action "${action}"; there are ${[...actions.keys()].join(', ')}`)
    const work = act(rest)
    requireWorkspace(workspace)
    const { text, result } = await withWorkbench(workspace, work)
    if (values.json) printJson(result)
    else print(text)
    return 0
  },
}

interface Outcome {
  text: string
  result: unknown
}
type Action = (args: string[]) => (client: WorkbenchClient) => Promise<Outcome>

const actions = new Map<string, Action>([
  [
    'rename',
    (args) => {
      const [run, name] = takes(args, 'rename RUN NAME', 2)
      const id = runNumber(run)
      return async (client) => ({
        text: `run ${id} is "${name}"`,
        result: await client.request('runs.rename', { id, name }),
      })
    },
  ],
  [
    'note',
    (args) => {
      const [run, note] = takes(args, 'note RUN TEXT', 2)
      const id = runNumber(run)
      return async (client) => ({
        text: note === '' ? `run ${id} has no note` : `run ${id}: ${note}`,
        result: await client.request('runs.annotate', { id, note }),
      })
    },
  ],
  ['tag', tagging('tag RUN TAG...', (tags, given) => [...tags, ...given])],
  ['untag', tagging('untag RUN TAG...', (tags, given) => tags.filter((tag) => !given.includes(tag)))],
  [
    'remove',
    (args) => {
      if (args.length === 0) throw new UsageError('which run? "pager runs" lists them')
      const ids = args.map(runNumber)
      return async (client) => {
        for (const id of ids) await runOf(client, id)
        for (const id of ids) await client.request('runs.remove', { id })
        return { text: `removed ${ids.join(', ')}`, result: { removed: ids } }
      }
    },
  ],
  [
    'storage',
    (args) => {
      takes(args, 'storage', 0)
      return async (client) => {
        const storage = await client.request('workspace.storage', {})
        const { limits } = storage
        const text = [
          ['file', bytes(storage.bytes)],
          ['runs', bytes(storage.runBytes)],
          ['workloads', bytes(storage.workloadBytes)],
          ['unused', bytes(storage.unusedBytes)],
          [
            'limits',
            `${limits.runs === null ? 'no limit of' : count(limits.runs)} runs, ${limits.bytes === null ? 'no limit of' : bytes(limits.bytes)} bytes`,
          ],
        ]
        return { text: table(['', ''], text).split('\n').slice(1).join('\n'), result: storage }
      }
    },
  ],
  [
    'limit',
    (args) => {
      const [most, size] = takes(args, 'limit RUNS|none SIZE|none', 2)
      const limits = {
        runs: most === 'none' ? null : wholeNumber(most, 'RUNS', 1),
        bytes: size === 'none' ? null : sizeOf(size),
      }
      return async (client) => {
        const result = await client.request('workspace.limit', limits)
        const { removed } = result
        return { text: removed.length === 0 ? 'nothing had to go' : `removed ${removed.join(', ')}`, result }
      }
    },
  ],
  [
    'compact',
    (args) => {
      takes(args, 'compact', 0)
      return async (client) => {
        const before = (await client.request('workspace.storage', {})).bytes
        await client.request('workspace.compact', {})
        const after = (await client.request('workspace.storage', {})).bytes
        return { text: `${bytes(before)} before, ${bytes(after)} now`, result: { before, after } }
      }
    },
  ],
])

function tagging(usage: string, change: (tags: string[], given: string[]) => string[]): Action {
  return (args) => {
    const [run, ...given] = args
    if (run === undefined || given.length === 0) throw new UsageError(`it is: pager runs ${usage}`)
    const id = runNumber(run)
    return async (client) => {
      const { tags } = await runOf(client, id)
      const result = await client.request('runs.annotate', { id, tags: change(tags, given) })
      return { text: `run ${id}: ${result.tags.join(', ') || 'no tags'}`, result }
    }
  }
}

/** A run, also one whose configuration this version cannot read. */
async function runOf(client: WorkbenchClient, id: number): Promise<RunInfo> {
  const found = (await client.request('runs.list', {})).find((run) => run.id === id)
  if (!found) throw new ContractError({ code: 'not-found', message: `there is no run ${id}` })
  return found
}

function takes(args: string[], usage: string, wanted: number): [string, string] {
  if (args.length !== wanted) throw new UsageError(`it is: pager runs ${usage}`)
  return [args[0] ?? '', args[1] ?? '']
}

function sizeOf(text: string): number {
  const size = Math.floor(parseSize(text))
  if (!Number.isSafeInteger(size)) throw new UsageError(`SIZE: "${text}" is no size such as "2 GiB"`)
  return size
}

function list(workspace: string, tag: string | undefined, isJson: boolean): void {
  const all = withReader(workspace, ({ store }) => store.runs.list())
  const found = tag === undefined ? all : all.filter(({ tags }) => tags.includes(tag))
  if (isJson) printJson({ runs: found })
  else if (found.length === 0) print(tag === undefined ? 'No run is recorded yet.' : `No run has the tag "${tag}".`)
  else
    print(
      table(
        [
          'run#',
          'name',
          'status',
          'references#',
          'faults#',
          'swap reads#',
          'swap writes#',
          'virtual time#',
          'stored#',
          'tags',
        ],
        found.map(({ id, name, status, totals, storedBytes, tags }) => [
          String(id),
          name,
          status,
          count(totals.references),
          count(totals.faults),
          count(totals.swapins),
          count(totals.swapouts),
          seconds(totals.virtualSeconds),
          bytes(storedBytes),
          tags.join(' '),
        ]),
      ),
    )
}
