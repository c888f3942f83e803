/**
 * Replays block-list logs. One log holds many lists, one after another; a `create` discards the list before it.
 *
 *   create  blocks                      a new list, all allocated
 *   free    blk, n                      free n blocks from blk
 *   alloc   count, max -> blk, got      -1 and 0 when there is no such run
 *   fill    blk, n -> filled            how many were free
 *   avail   -> n                        free blocks
 *   stats   -> text                     the fragmentation report
 *   map     -> free                     maximal free runs, [[first block, length], ...]
 *   resize  blocks, freenew -> avail    free blocks afterwards
 */

import { Columns } from '../sim/columns.ts'
import { BlockList, BlockListError, blocksMax, formatFragmentation } from '../swap/blockList.ts'
import {
  checkFields,
  compareFields,
  flagField,
  integerField,
  textField,
  unknownOperation,
  UnusableLogError,
} from './log.ts'
import type { Difference, JsonRecord, JsonValue, Replayer } from './log.ts'

/** Makes the list under test: the engine's own, or a variant of it. */
export type BlockListFactory = (columns: Columns, name: string, blocks: number | 'restored') => BlockList

interface Operation {
  inputs: readonly string[]
  results: readonly string[]
  /** Performs the operation on the current list; returns its results under the record's names. */
  perform: (list: BlockList, record: JsonRecord) => JsonRecord
}

const noResults: JsonRecord = {}

const operations: { readonly [op: string]: Operation } = {
  free: {
    inputs: ['blk', 'n'],
    results: [],
    perform: (list, record) => {
      list.free(integerField(record, 'blk'), integerField(record, 'n', 1))
      return noResults
    },
  },
  alloc: {
    inputs: ['count', 'max'],
    results: ['blk', 'got'],
    perform: (list, record) => {
      const block = list.allocate(integerField(record, 'count'), integerField(record, 'max'))
      return { blk: block, got: block < 0 ? 0 : list.allocated }
    },
  },
  fill: {
    inputs: ['blk', 'n'],
    results: ['filled'],
    perform: (list, record) => ({ filled: list.fill(integerField(record, 'blk'), integerField(record, 'n', 0)) }),
  },
  avail: { inputs: [], results: ['n'], perform: (list) => ({ n: list.available }) },
  stats: { inputs: [], results: ['text'], perform: (list) => ({ text: formatFragmentation(list.statistics()) }) },
  map: { inputs: [], results: ['free'], perform: (list) => ({ free: [...list.freeRanges()] }) },
  resize: {
    inputs: ['blocks', 'freenew'],
    results: ['avail'],
    perform: (list, record) => {
      list.resize(integerField(record, 'blocks', 1, blocksMax), flagField(record, 'freenew'))
      return { avail: list.available }
    },
  },
}

export class BlockListReplayer implements Replayer {
  #makeList: BlockListFactory
  #list: BlockList | undefined

  constructor(makeList: BlockListFactory = (columns, name, blocks) => new BlockList(columns, name, blocks)) {
    this.#makeList = makeList
  }

  apply(record: JsonRecord): Difference[] {
    const op = textField(record, 'op')
    if (op === 'create') {
      checkFields(record, ['op', 'blocks'])
      this.#list = this.#makeList(new Columns(), 'conformance', integerField(record, 'blocks', 1, blocksMax))
      return []
    }
    const operation = Object.hasOwn(operations, op) ? operations[op] : undefined
    if (operation === undefined) throw unknownOperation(op)
    checkFields(record, ['op', ...operation.inputs, ...operation.results])
    if (this.#list === undefined)
      throw new UnusableLogError('log-operation', `operation "${op}" comes before any "create"`, { field: 'op' })
    const expected: JsonRecord = {}
    for (const field of operation.results) expected[field] = record[field]!
    let got: JsonValue
    try {
      got = operation.perform(this.#list, record)
    } catch (error) {
      // The reference performed it, so a refusal is a difference, not an unusable log.
      if (!(error instanceof BlockListError)) throw error
      return [{ field: 'op', expected: op, got: error.message }]
    }
    return compareFields(expected, got)
  }
}
