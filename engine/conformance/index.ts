/**
 * Replays golden operation logs against the pagers and reports where they differ (`pager verify`).
 *
 * A log's kind is told by its first record. Every line is one operation; every operation is performed and all of its
 * results are compared. After a difference the replay goes on, so the count says how far things went apart; the first
 * difference is the one to look at.
 */

import { blockListFactory, VariantError, type PagerVariant } from '../swap/variant.ts'
import { BlockListReplayer } from './blockList.ts'
import type { BlockListFactory } from './blockList.ts'
import { SwapReplayer } from './swap.ts'
import { DragonflyVnodeReplayer } from './vnodeDragonfly.ts'
import { GenfsReplayer } from './genfs.ts'
import { FreebsdVnodeReplayer } from './vnodeFreebsd.ts'
import { logKind, plainJson, readLog, UnusableLogError } from './log.ts'
import type { Difference, JsonValue, LogKind, Replayer } from './log.ts'

export { UnusableLogError } from './log.ts'

/** Implementations to verify in place of the engine's own: this is how a variant is verified. */
export interface VerifyOptions {
  makeBlockList?: BlockListFactory
  /** Decides in the swap pager's place; logs of other pagers do not notice. */
  variant?: PagerVariant
}

/** One maker of replayers a kind. */
export const replayers: { [kind in LogKind]?: (options: VerifyOptions) => Replayer } = {
  blockList: ({ makeBlockList, variant }) => new BlockListReplayer(makeBlockList ?? blockListFactory(variant)),
  swap: ({ makeBlockList, variant }) => new SwapReplayer(makeBlockList, variant),
  'vnode-dragonfly': () => new DragonflyVnodeReplayer(),
  genfs: () => new GenfsReplayer(),
  'vnode-freebsd': () => new FreebsdVnodeReplayer(),
}

/** What `pager verify --json` prints. Integers beyond 2^53 are decimal strings. */
export interface VerifyResult {
  /** Operations replayed: the number of lines. */
  operations: number
  /** Results that differ; an operation can have several. */
  differences: number
  files: VerifyFileResult[]
}

export interface VerifyFileResult {
  file: string
  operations: number
  differences: number
  first?: { line: number; field: string; expected: JsonValue; got: JsonValue }
}

export interface VerifyProgress {
  file: string
  /** Index of the file and number of files. */
  fileIndex: number
  files: number
  /** Operations replayed so far, in all files. */
  operations: number
  differences: number
}

/** Operations between two calls of onProgress within a file. */
const progressInterval = 1000

/**
 * Replays each file on a fresh machine. Throws UnusableLogError for a log that cannot be replayed as a whole, VariantError where a
 * variant fails at a decision; a difference never throws.
 */
export function verifyFiles(
  paths: readonly string[],
  onProgress?: (progress: VerifyProgress) => void,
  options: VerifyOptions = {},
): VerifyResult {
  const result: VerifyResult = { operations: 0, differences: 0, files: [] }
  for (const [fileIndex, file] of paths.entries()) {
    const fileResult: VerifyFileResult = { file, operations: 0, differences: 0 }
    const report = (): void => {
      onProgress?.({
        file,
        fileIndex,
        files: paths.length,
        operations: result.operations + fileResult.operations,
        differences: result.differences + fileResult.differences,
      })
    }
    let replayer: Replayer | undefined
    for (const { line, record } of readLog(file)) {
      let differences: Difference[]
      try {
        replayer ??= makeReplayer(logKind(record), options)
        differences = replayer.apply(record, line)
      } catch (error) {
        if (error instanceof UnusableLogError) throw error.at(file, line)
        if (error instanceof VariantError)
          throw new VariantError(error.code, `${file}: line ${line}: ${error.message}`, error.field)
        throw new Error(`${file}: line ${line}: the replay itself failed`, { cause: error })
      }
      fileResult.operations++
      fileResult.differences += differences.length
      const first = differences[0]
      if (first !== undefined)
        fileResult.first ??= {
          line,
          field: first.field,
          expected: plainJson(first.expected),
          got: plainJson(first.got),
        }
      if (fileResult.operations % progressInterval === 0) report()
    }
    report()
    result.operations += fileResult.operations
    result.differences += fileResult.differences
    result.files.push(fileResult)
  }
  return result
}

function makeReplayer(kind: LogKind, options: VerifyOptions): Replayer {
  const make = replayers[kind]
  if (make === undefined) throw new UnusableLogError('log-kind', `logs of kind ${kind} cannot be replayed yet`)
  return make(options)
}
