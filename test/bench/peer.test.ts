import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { askPeer, readPeerAnswer, writePeerTrace } from './peer.ts'

it("the peer's line is read, whatever stands around it, and another program is told from it", () => {
  const line = '/tmp/x.oracleGeneral lru cache size      597, 2000000 req, miss ratio 0.0163, throughput 12.50 MQPS'
  expect(readPeerAnswer(`[INFO] opened\n${line}\n`, 'cachesim')).toEqual({ rate: 12.5e6, missRatio: 0.0163 })
  expect(() => readPeerAnswer('hello', 'cachesim')).toThrow("is it libCacheSim's cachesim?")
})

it('the binary gets a file of 24 bytes a reference, the policy and the size', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pager-peer-'))
  try {
    const trace = path.join(folder, 'trace.oracleGeneral')
    writePeerTrace(Uint32Array.of(0, 5, 8, 4), 3, trace)
    expect(statSync(trace).size).toBe(4 * 24)
    const binary = path.join(folder, 'cachesim')
    writeFileSync(
      binary,
      '#!/bin/sh\n[ "$2 $3 $4 $5 $6" = "oracleGeneral fifo 2 --ignore-obj-size 1" ] || exit 3\necho "miss ratio 0.7500, throughput 1.00 MQPS"\n',
    )
    chmodSync(binary, 0o755)
    expect(askPeer(binary, trace, 'fifo', 2)).toEqual({ rate: 1e6, missRatio: 0.75 })
    expect(() => askPeer(binary, trace, 'fifo', 3)).toThrow('ended with 3')
    expect(() => askPeer(path.join(folder, 'none'), trace, 'fifo', 2)).toThrow('cannot be run')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
