/** The requests about sweeps. */
import { availableParallelism } from 'node:os'
import type { StoredSweep } from '../../db/sweeps.ts'
import { ContractError } from '../contract/contract.ts'
import { cellCount, expandSweep, sweepFileSchema, type SweepInfo } from '../contract/sweep.ts'
import type { QueryCalls, WriterCalls } from './protocol.ts'
import { cellsOf } from './sweepResults.ts'
import type { Sweeps } from './sweeps.ts'
import type { ThreadClient } from './threadCalls.ts'
import type { Handlers } from './workbench.ts'

type SweepMethod =
  | 'sweeps.list'
  | 'sweeps.check'
  | 'sweeps.save'
  | 'sweeps.remove'
  | 'sweeps.start'
  | 'sweeps.control'
  | 'sweeps.result'
  | 'sweeps.progress'

/** `changed` hears when the list of sweeps has. */
export function sweepHandlers(
  sweeps: Sweeps,
  query: () => ThreadClient<QueryCalls>,
  writer: () => ThreadClient<WriterCalls>,
  changed: () => void,
): Pick<Handlers, SweepMethod> {
  const none = {}
  const refuseActive = (sweep: number) => {
    if (sweeps.isActive(sweep))
      throw new ContractError({
        code: 'running',
        message: `sweep ${sweep} is under way; cancel it, or wait for its end`,
        field: 'id',
      })
  }
  return {
    'sweeps.list': async () => (await query().call('sweeps')).flatMap((stored) => sweepInfo(stored) ?? []),
    'sweeps.check': ({ file }) => {
      const { cells, issues } = expandSweep(file)
      return Promise.resolve({ issues, cells: cells?.length ?? null })
    },
    'sweeps.save': async ({ file }) => {
      const { sweep } = cellsOf(file)
      const known = (await query().call('sweeps')).find(({ name }) => name === sweep.name)
      if (known) refuseActive(known.id)
      const saved = sweepInfoOrThrow(await writer().call('saveSweep', sweep.name, sweep))
      changed()
      return saved
    },
    'sweeps.remove': async ({ id }) => {
      refuseActive(id)
      await writer().call('removeSweep', id)
      changed()
      return none
    },
    'sweeps.start': async ({ id, workers, runVariants }) => {
      const { file } = await query().call('sweep', id)
      const { cells } = cellsOf(file)
      const variant = cells.find((cell) => cell.variant !== '')?.variant
      if (variant !== undefined && runVariants !== true)
        throw new ContractError({
          code: 'variant-not-trusted',
          message: `the sweep executes the pager variant ${variant}: start it from the command line`,
          field: 'id',
        })
      await sweeps.start(id, file, cells, workers === 0 ? availableParallelism() : workers)
      return none
    },
    'sweeps.control': async ({ id, action }) => {
      await sweeps.control(id, action)
      return none
    },
    'sweeps.result': async ({ id }) => query().call('sweepResult', (await query().call('sweep', id)).file),
    'sweeps.progress': () => Promise.resolve(sweeps.progress()),
  }
}

/** Null for one that this version cannot read. */
function sweepInfo({ file, ...stored }: StoredSweep): SweepInfo | null {
  const { data } = sweepFileSchema.safeParse(file)
  return data ? { ...stored, file: data, cells: cellCount(data) } : null
}

function sweepInfoOrThrow(stored: StoredSweep): SweepInfo {
  const info = sweepInfo(stored)
  if (info) return info
  throw new ContractError({ code: 'damaged', message: `sweep ${stored.id} cannot be read by this version` })
}
