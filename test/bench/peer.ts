/**
 * libCacheSim's cachesim beside our simulation: the same references, as a file of its own format, one policy and one memory size a
 * run. Its rate is the one that it prints, so that reading the file is not counted on either side.
 */
import { spawnSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { writeOracle } from '../../db/oracleFile.ts'
import { ContractError } from '../../electron/contract/contract.ts'
import { memoryStream } from '../../engine/workload/streamFile.ts'

export interface PeerAnswer {
  /** References per second. */
  rate: number
  /** As printed, with four digits or so. */
  missRatio: number
}

/** Writes references, `(page << 2) | kind`, as a file that cachesim reads. */
export function writePeerTrace(references: Uint32Array, pageCount: number, file: string): void {
  const pageNumbers = Float64Array.from({ length: pageCount }, (_, page) => page)
  const fd = openSync(file, 'wx')
  try {
    writeOracle(memoryStream('trace', references, pageNumbers), fd)
  } finally {
    closeSync(fd)
  }
}

/** Runs the binary. Throws ContractError `peer` that says what it did instead of answering. */
export function askPeer(binary: string, file: string, policy: string, frames: number): PeerAnswer {
  const args = [file, 'oracleGeneral', policy, String(frames), '--ignore-obj-size', '1']
  const { error, status, signal, stdout, stderr } = spawnSync(binary, args, { encoding: 'utf8' })
  if (error) throw refusal(`${binary} cannot be run: ${error.message}`)
  if (status !== 0)
    throw refusal(`${binary} ended with ${status ?? signal ?? 'nothing'}: ${stderr.trim().split('\n').at(-1) ?? ''}`)
  return readPeerAnswer(`${stdout}\n${stderr}`, binary)
}

/** What cachesim prints of one size: among other words "miss ratio 0.1234, throughput 12.34 MQPS". */
export function readPeerAnswer(text: string, binary: string): PeerAnswer {
  const missRatio = /miss ratio\s+([\d.]+)/.exec(text)?.[1]
  const rate = /throughput\s+([\d.]+)\s*MQPS/.exec(text)?.[1]
  if (missRatio === undefined || rate === undefined)
    throw refusal(`${binary} printed no line with a miss ratio and a throughput in MQPS; is it libCacheSim's cachesim?`)
  return { rate: Number(rate) * 1e6, missRatio: Number(missRatio) }
}

const refusal = (message: string) => new ContractError({ code: 'peer', message, field: '--peer' })
