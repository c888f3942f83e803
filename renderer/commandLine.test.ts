import { expect, it } from 'vitest'
import { splitWords } from './commandLine.ts'

it('words are parted by spaces, and quotes or a backslash keep one', () => {
  expect(splitWords('')).toEqual([])
  expect(splitWords('  -O2   a.c\t-o a ')).toEqual(['-O2', 'a.c', '-o', 'a'])
  expect(splitWords(`:memory: "select count(*) from t" 'it is' x\\ y`)).toEqual([':memory:', 'select count(*) from t', 'it is', 'x y'])
  expect(splitWords(`--name="a b"c "say \\"x\\" \\n" ""`)).toEqual(['--name=a bc', 'say "x" \\n', ''])
  expect(splitWords(`'open end`)).toEqual(['open end'])
})
