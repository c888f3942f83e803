import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { build } from 'vite'
import { foldConstants } from './foldConstants.ts'

const root = mkdtempSync(path.join(os.tmpdir(), 'fold-constants-'))
const engine = path.join(root, 'engine')
mkdirSync(engine)
afterAll(() => rmSync(root, { recursive: true, force: true }))
writeFileSync(
  path.join(engine, 'tables.ts'),
  `export const Queue = { none: 0, active: 1, 'held': 1 << 4, last: -2 } as const
export const Mixed = { number: 3, text: 'no number' } as const
export let Changing = { now: 1 }`,
)
writeFileSync(
  path.join(engine, 'computed.ts'),
  `export const Counter = Object.fromEntries(['faults', 'hits'].map((name, i) => [name, i]))`,
)

/** What a module of the engine becomes in a bundle. */
async function bundled(code: string): Promise<string> {
  writeFileSync(
    path.join(engine, 'main.ts'),
    `import { Queue, Mixed, Changing } from './tables.ts'\nimport { Counter } from './computed.ts'\n${code}`,
  )
  const built = await build({
    root,
    logLevel: 'silent',
    configFile: false,
    plugins: [foldConstants(engine, ['computed.ts'])],
    build: { ssr: true, write: false, minify: false, rolldownOptions: { input: path.join(engine, 'main.ts') } },
  })
  if (!('output' in built)) throw new Error('the build answered no bundle')
  const [chunk] = built.output
  return chunk.code
}

test('members of tables become numbers: of other modules, under other names, of the module itself, computed ones', async () => {
  const code = await bundled(`
    const Name = Queue
    const own = { first: 7 } as const
    console.log([Queue.active, Name.held, own.first, 5 - Queue.last, Counter.hits])`)
  expect(code.replaceAll(/\s/g, '')).toContain('[1,16,7,7,1]')
  expect(code).not.toContain('Queue')
})

test('what is no table of numbers stays, and so does what only has the name of one', async () => {
  const code = await bundled(`
    console.log(Mixed.number, Changing.now, Queue, Queue['active'])
    export function read(Queue: { active: string }) { return Queue.active }`)
  expect(code).toMatch(/\.number, .*\.now, Queue, Queue\["active"\]/s)
  expect(code).toContain('return Queue.active')
})
