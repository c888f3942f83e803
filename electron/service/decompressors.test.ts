import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { findOnPath } from './recording/valgrind.ts'
import { inFolder } from './testing.ts'
import { importFile } from './workloads.ts'

const text = Array.from({ length: 50_000 }, (_, i) => ` L ${(i * 4096).toString(16).padStart(8, '0')},8\n`).join('')
const load = (file: string) => importFile(file, { format: '', limit: 0, eventsPerReference: 1 })

describe.each([
  ['xz', 'xz'],
  ['bzip2', 'bz2'],
])('a trace compressed with %s', (tool, ending) => {
  const isMissing = findOnPath(tool) === undefined
  if (isMissing) console.log(`${tool} compression: skipped: no ${tool}`)
  const compressed = () => spawnSync(tool, ['-c'], { input: text }).stdout

  it.skipIf(isMissing)('is imported whole, whatever its name', () =>
    inFolder(async (folder) => {
      const file = path.join(folder, `lines.txt.${ending}`)
      writeFileSync(file, compressed())
      const workload = await load(file)
      expect(workload.name).toBe('lines')
      expect(workload.processes.map((stream) => [stream.referenceCount, stream.pageCount])).toEqual([[50_000, 50_000]])
    }),
  )

  it.skipIf(isMissing)('is refused where it has been cut or damaged, by the file and the reason', () =>
    inFolder(async (folder) => {
      const whole = compressed()
      const cut = path.join(folder, 'cut')
      writeFileSync(cut, whole.subarray(0, whole.length - 100))
      await expect(load(cut)).rejects.toMatchObject({ code: 'damaged', message: expect.stringMatching(new RegExp(`${cut}: the ${tool} data are damaged: .`)) })
      const flipped = Uint8Array.from(whole)
      flipped[flipped.length >> 1]! ^= 255
      writeFileSync(cut, flipped)
      await expect(load(cut)).rejects.toMatchObject({ code: 'damaged' })
    }),
  )
})
