import { describe, expect, it } from 'vitest'
import { PageLabels, parseMaps } from './maps.ts'

const text = `00108000-00110000 r--p 00000000 fe:00 260885                             /usr/bin/my program
00151000-00154000 rw-p 00048000 fe:00 260885                             /usr/bin/my program (deleted)
00154000-00156000 rw-p 00000000 00:00 0 
04035000-04036000 rwxp 00000000 00:00 0 
04835000-04837000 rw-p 00000000 00:00 0 
1ffeffe000-1fff001000 rw-p 00000000 00:00 0 
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`
const STACK_PAGE = 0x1fff000

describe('parseMaps', () => {
  it('reads places, rights and paths with spaces, and passes over what is no mapping', () => {
    const mappings = parseMaps(`${text}nonsense\n`)
    expect(mappings).toHaveLength(7)
    expect(mappings[1]).toEqual({ startPage: 0x151, endPage: 0x154, isWritable: true, isExecutable: false, path: '/usr/bin/my program' })
    expect(mappings[6]).toMatchObject({ startPage: 0xffffffffff600, path: '[vsyscall]' })
  })
})

describe('PageLabels', () => {
  const label = (...pageNumbers: number[]) => {
    const labels = new PageLabels()
    labels.look(parseMaps(text), pageNumbers.length, (page) => pageNumbers[page] ?? -1, STACK_PAGE)
    return labels.labelled(Float64Array.from(pageNumbers)).map((run) => [run.startPage, run.pageCount, run.label])
  }

  it('tells files, the zero-filled end of their data, heap, stack and other memory apart', () => {
    expect(label(0x1ffeffe, 0x108, 0x154, 0x4035, 0x4836, 0x9000)).toEqual([
      [0x108, 1, '/usr/bin/my program'],
      [0x154, 1, '/usr/bin/my program (zero-filled data)'],
      [0x4035, 1, 'heap'],
      [0x4836, 1, 'anonymous'],
      [0x9000, 1, 'unknown'],
      [0x1ffeffe, 1, 'stack'],
    ])
  })

  it('joins pages of one label that are near each other', () => {
    expect(label(0x10a, 0x109, 0x151, 0x108)).toEqual([
      [0x108, 3, '/usr/bin/my program'],
      [0x151, 1, '/usr/bin/my program'],
    ])
  })

  it('keeps the label that a page had when it was first seen, also when something else is mapped there later', () => {
    const labels = new PageLabels()
    const numbers = [0x4836, 0x4837]
    labels.look(parseMaps(text), 1, (page) => numbers[page] ?? -1, STACK_PAGE)
    labels.look(parseMaps('04835000-04838000 r--p 00000000 fe:00 1 /usr/lib/late.so'), 2, (page) => numbers[page] ?? -1, STACK_PAGE)
    expect(labels.labelled(Float64Array.from(numbers)).map((run) => run.label)).toEqual(['anonymous', '/usr/lib/late.so'])
  })
})
