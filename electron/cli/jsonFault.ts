/** Where a text stops being JSON: the language's own parser says the place of some faults only. */

export interface JsonFault {
  /** Place in the text. */
  offset: number
  /** What could have come there. */
  expected: string
}

const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy
const space = /[ \t\r\n]*/y

/** The first fault of a text that JSON.parse refuses. */
export function firstFault(text: string): JsonFault {
  const open: ('{' | '[')[] = []
  let offset = 0
  const skip = (pattern: RegExp): string | null => {
    pattern.lastIndex = offset
    const found = pattern.exec(text)?.[0] ?? null
    offset += found?.length ?? 0
    return found
  }
  let wanted: 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'next' = 'value'
  for (;;) {
    skip(space)
    const here = text[offset]
    if (wanted === 'colon') {
      if (here !== ':') return { offset, expected: "':'" }
      offset++
      wanted = 'value'
    } else if (wanted === 'key' || wanted === 'first key') {
      if (wanted === 'first key' && here === '}') {
        offset++
        open.pop()
        wanted = 'next'
      } else if (here === '"' && skip(scalar) !== null) wanted = 'colon'
      else return { offset, expected: 'a name in double quotes' }
    } else if (wanted === 'next') {
      const inside = open.at(-1)
      if (inside === undefined) return { offset, expected: 'the end' }
      const end = inside === '{' ? '}' : ']'
      if (here === end) open.pop()
      else if (here === ',') wanted = inside === '{' ? 'key' : 'value'
      else return { offset, expected: `',' or '${end}'` }
      offset++
    } else if (here === '{' || here === '[') {
      open.push(here)
      offset++
      wanted = here === '{' ? 'first key' : 'first value'
    } else if (wanted === 'first value' && here === ']') {
      offset++
      open.pop()
      wanted = 'next'
    } else if (skip(scalar) !== null) wanted = 'next'
    else return { offset, expected: 'a value' }
  }
}
