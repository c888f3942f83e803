import { closeSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { memoryStream } from '../engine/workload/streamFile.ts'
import { writeOracle } from './oracleFile.ts'
import { inScratch, sequenceOf } from './testing.ts'

describe('a stream written as oracleGeneral', () => {
  it('has a record a reference, which says when its page is referenced next', () => {
    inScratch((directory) => {
      const next = sequenceOf(4)
      const references = Uint32Array.from({ length: 70_000 }, () => (next(300) << 2) | next(3))
      const numbers = Float64Array.from({ length: 300 }, (_, page) => 2 ** 40 + page * 7)
      const file = path.join(directory, 'x.oracleGeneral')
      const told: number[] = []
      const fd = openSync(file, 'w')
      writeOracle(memoryStream('p', references, numbers), fd, (written) => told.push(written))
      closeSync(fd)
      const bytes = readFileSync(file)
      expect(bytes.length).toBe(references.length * 24)
      for (let i = 0; i < references.length; i += 997) {
        const page = references[i]! >>> 2
        const again = references.findIndex((reference, at) => at > i && reference >>> 2 === page)
        expect(bytes.readUInt32LE(i * 24)).toBe(i)
        expect(Number(bytes.readBigUInt64LE(i * 24 + 4))).toBe(numbers[page])
        expect(bytes.readUInt32LE(i * 24 + 12)).toBe(4096)
        expect(Number(bytes.readBigInt64LE(i * 24 + 16))).toBe(again)
      }
      expect(told.at(-1)).toBe(70_000)
    })
  })
})
