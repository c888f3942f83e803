import { expect, test } from 'vitest'
import { DataKind, encodeTable } from '../../../electron/contract/dataPlane.ts'
import { blockClasses, blockColours, decodeBlocks, decodeObjectPages, pageClass, pageClasses } from './blocks.ts'

test('blocks take the colour that their object has in the map of frames; free and other ones have their own', () => {
  const blocks = decodeBlocks(
    encodeTable({
      kind: DataKind.blocks,
      rows: 4,
      extra: [8, 30, 0],
      columns: [new Int32Array([0, 3, 8, 1]), new Int32Array([-1, 12, 7, 99]), new Float64Array([-1, 5, 6, 7])],
    }),
  )
  expect([blocks.blocksPerCell, blocks.blocks]).toEqual([8, 30])
  const free = blockColours.length - 1
  expect([...blockClasses(blocks, [7, 12])]).toEqual([free, 1, 0, free - 1])
  expect(() => decodeBlocks(encodeTable({ kind: DataKind.frames, rows: 0, extra: [0, 0, 0], columns: [] }))).toThrow('lacks its columns')
})

test('a page is dirty, resident, swapped, both, seen through its object, or untouched', () => {
  const states = decodeObjectPages(
    encodeTable({ kind: DataKind.objectPages, rows: 6, extra: [0, 0, 0], columns: [new Uint8Array([5, 1, 3, 2, 9, 0])] }),
  )
  expect([...states].map((state) => pageClasses[pageClass(state)]?.name)).toEqual(pageClasses.map(({ name }) => name))
})
