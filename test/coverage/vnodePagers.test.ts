// The three vnode pagers under workloads: every block of them is reached, or it is said why no workload can.
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Block } from './blocks.ts'
import { reasonOf, reasons } from './unreached.ts'

interface Report {
  total: number
  unreached: Block[]
  problems: string[]
}

describe('the vnode pagers under workloads', () => {
  let report: Report
  beforeAll(() => {
    // a process of its own: only there V8 counts the sources as they are written
    const file = path.join(import.meta.dirname, 'report.ts')
    report = JSON.parse(execFileSync(process.execPath, [file, '--json'], { encoding: 'utf8', maxBuffer: 1 << 24 }))
  }, 240_000)

  it('run to their end', () => {
    expect(report.problems).toEqual([])
  })

  it('reach every block, but for those that are named with a reason', () => {
    expect(report.total).toBeGreaterThan(800)
    expect(report.unreached.filter((block) => reasonOf(block) === undefined)).toEqual([])
  })

  it('reach no block that is named as out of reach', () => {
    const named = reasons.flatMap(({ blocks }) =>
      Object.entries(blocks).flatMap(([file, starts]) => starts.map((start) => ({ file, start }))),
    )
    const unneeded = named.filter(
      ({ file, start }) =>
        !report.unreached.some(
          (block) => (file === '*' || block.file === file) && (start === '*' || block.text.startsWith(start)),
        ),
    )
    expect(unneeded).toEqual([])
  })
})
