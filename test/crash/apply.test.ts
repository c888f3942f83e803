// An overlay that is being written into its image when the power fails: what is left says so, is refused for anything but applying, and
// applying it again makes the image whole.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { DiskError } from '../../engine/disk/diskError.ts'
import { Overlay } from '../../engine/disk/overlay.ts'
import { createImage, RawImage } from '../../engine/disk/rawImage.ts'
import { noise } from '../../engine/ufs/testing.ts'

const PAGES = 2000
/** Rows of pages that the overlay has: first page and count of each. One is longer than a piece, one touches the end. */
const ROWS = [
  [0, 3],
  [100, 700],
  [1000, 1],
  [1990, 10],
] as const

function apply(image: string, overlay: string, pieces: number): { status: number | null; signal: string | null } {
  const { status, signal } = spawnSync(
    process.execPath,
    [path.join(import.meta.dirname, 'applier.ts'), image, overlay, String(pieces)],
    { stdio: 'ignore' },
  )
  return { status, signal }
}

it.each([0, 1, 2, 4])('an application killed after %i pieces is completed by applying again', (pieces) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pager-apply-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'disk.img')
  const kept = path.join(folder, 'run.overlay')
  createImage(file, PAGES * 4096)
  const original = noise(PAGES * 4096, 1)
  fs.writeFileSync(file, original)
  const expected = Buffer.from(original)
  const base = RawImage.open(file)
  const overlay = Overlay.create(kept, base, { keep: true })
  for (const [first, count] of ROWS) {
    const bytes = noise(count * 4096, first + 2)
    overlay.writePages(first, count === 1 ? [bytes] : [new Uint8Array(bytes)], count)
    bytes.copy(expected, first * 4096)
  }
  overlay.close()
  base.close()

  expect(apply(file, kept, pieces).signal).toBe('SIGKILL')
  expect(Overlay.describe(kept).state).toBe('applying')
  expect(fs.readFileSync(file).equals(original)).toBe(pieces === 0)

  expect(apply(file, kept, 1e9)).toEqual({ status: 0, signal: null })
  expect(fs.readFileSync(file).equals(expected)).toBe(true)
  expect(Overlay.describe(kept).state).toBe('applied')
  const whole = RawImage.open(file)
  onTestFinished(() => whole.close())
  expect(() => Overlay.open(kept, whole)).toThrow(DiskError)
})
