import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasProgram, makeImage, shapes } from '../../engine/ufs/testing.ts'
import { checkOnImage, directoryOnImage } from './imageFiles.ts'

const hasMakefs = hasProgram('makefs')
if (!hasMakefs) console.log('makefs is not installed: no directory on an image is listed')

describe.skipIf(!hasMakefs)('a file system on an image, as a window sees it', () => {
  let folder = ''
  let image = ''
  beforeAll(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'pager-files-'))
    image = path.join(folder, 'root.img')
    writeFileSync(image, makeImage(shapes[0]!))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('lists directories: modes, sizes, where links lead', () => {
    const root = directoryOnImage(image, null, '/')
    expect(root.find(({ name }) => name === 'sub')).toMatchObject({ mode: expect.stringMatching(/^d/), target: null })
    expect(root.find(({ name }) => name === 'fragment')).toMatchObject({
      mode: '-rw-r--r--',
      sizeBytes: 1024,
      links: 1,
    })
    expect(root.find(({ name }) => name === 'link')).toMatchObject({ target: 'sub/deep/file' })
    expect(directoryOnImage(image, null, 'sub/deep').map(({ name }) => name)).toContain('up')
  })

  it('is checked', () => {
    expect(checkOnImage(image, null)).toMatchObject({ problems: [], more: 0 })
    const damaged = path.join(folder, 'damaged.img')
    const bytes = makeImage(shapes[0]!)
    bytes[8192 + 209] = 0
    writeFileSync(damaged, bytes)
    expect(checkOnImage(damaged, null).problems.map(({ kind }) => kind)).toContain('unclean')
  })

  it('refuses what is not there with a code that can cross to a window', () => {
    expect(() => directoryOnImage(image, null, '/none')).toThrow(expect.objectContaining({ code: 'no-such-file' }))
    expect(() => directoryOnImage(image, 3, '/')).toThrow(expect.objectContaining({ code: 'no-such-partition' }))
  })
})
