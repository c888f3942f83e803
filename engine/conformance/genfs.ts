/** Replays NetBSD genfs logs: which fields an operation has, and what it does to the machine that the logs were made on. */
import { KernelStop } from '../sim/kernelStop.ts'
import { GenfsMachine } from './genfsMachine.ts'
import { checkFields, compareFields, recordField, textField, unknownOperation, UnusableLogError } from './log.ts'
import type { Difference, JsonRecord, Replayer } from './log.ts'

// prettier-ignore
const setupFields = ['id', 'vtype', 'fs_bshift', 'dev_bshift', 'disk_round', 'mem_round', 'maxrun', 'bmap', 'next_blk', 'alloc_limit', 'bmap_err', 'io_err', 'noatime', 'nodevmtime', 'wapbl', 'gop_write', 'defer', 'size', 'writesize', 'pages', 'onworklst', 'wrmap', 'wrmapdirty', 'dirtyblk', 'numoutput', 'dirtygen', 'paging', 'vmapped']
const pageRequestFields = ['pgno', 'count', 'center', 'access', 'flags', 'm', 'inject']
/** Results of every operation, and those of vnodes that are written through a file. */
const commonResults = ['io', 'done', 'ctr', 'upd', 'alloc', 'mapin', 'vn', 'pages']
const fileResults = ['frw', 'fcrc']

interface LogOperation {
  inputs: readonly string[]
  /** Result fields beyond those of every operation, and those it may have. */
  results: readonly string[]
  perhaps?: readonly string[]
  perform: (machine: GenfsMachine, record: JsonRecord) => JsonRecord
}

const operations: { readonly [op: string]: LogOperation } = {
  getpages: {
    inputs: pageRequestFields,
    results: ['err', 'locked', 'count'],
    perhaps: ['m'],
    perform: (m, r) => m.getPages(r, false),
  },
  compat_getpages: {
    inputs: pageRequestFields,
    results: ['err', 'locked', 'count'],
    perhaps: ['m'],
    perform: (m, r) => m.getPages(r, true),
  },
  putpages: {
    inputs: ['lo', 'hi', 'flags', 'pagedaemon', 'want_busypg', 'inject'],
    results: ['err', 'busypg'],
    perform: (m, r) => m.putPages(r),
  },
  null_putpages: { inputs: ['lo', 'hi', 'flags'], results: ['err'], perform: (m) => m.putNoPages() },
  directio: {
    inputs: ['rw', 'off', 'iov', 'kernel_space', 'journal_locked', 'maxdio', 'seed', 'inject'],
    results: ['off', 'resid', 'iov', 'iov_index', 'ucrc'],
    perform: (m, r) => m.directIo(r),
  },
  release: { inputs: ['pages'], results: [], perform: (m, r) => m.release(r) },
  poke: { inputs: ['pages'], results: [], perform: (m, r) => m.poke(r) },
  drain: { inputs: [], results: [], perform: (m) => m.drain() },
}

export class GenfsReplayer implements Replayer {
  #machine: GenfsMachine | undefined

  apply(record: JsonRecord): Difference[] {
    const op = textField(record, 'op')
    if (op === 'setup') {
      checkFields(record, ['op', ...setupFields])
      this.#machine = new GenfsMachine(record)
      return []
    }
    const operation = Object.hasOwn(operations, op) ? operations[op] : undefined
    if (operation === undefined) throw unknownOperation(op)
    checkFields(record, ['op', ...operation.inputs, 'exp'])
    const machine = this.#machine
    if (machine === undefined)
      throw new UnusableLogError('log-operation', `operation "${op}" comes before any "setup"`, { field: 'op' })
    const expected = recordField(record, 'exp')
    checkFields(
      expected,
      [...operation.results, ...commonResults, ...(machine.isFileWritten ? fileResults : [])],
      operation.perhaps,
      'exp.',
    )
    machine.beginOperation(record)
    try {
      const results = operation.perform(machine, record)
      machine.endOperation()
      return compareFields(expected, { ...results, ...machine.results() }, 'exp')
    } catch (error) {
      // the reference performed it, so a panic is a difference
      if (!(error instanceof KernelStop)) throw error
      return [{ field: 'op', expected: op, got: error.message }]
    }
  }
}
