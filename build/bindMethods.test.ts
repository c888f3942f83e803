import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { build } from 'vite'
import { bindMethods } from './bindMethods.ts'

const root = mkdtempSync(path.join(os.tmpdir(), 'bind-methods-'))
const engine = path.join(root, 'engine')
mkdirSync(path.join(engine, 'vm'), { recursive: true })
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A module of the engine in a bundle: its text, and what it exports. */
async function bundled(place: string, code: string): Promise<{ text: string; exports: Record<string, unknown> }> {
  const file = path.join(engine, place)
  writeFileSync(file, code)
  const built = await build({
    root,
    logLevel: 'silent',
    configFile: false,
    plugins: [bindMethods(engine, ['vm', 'one.ts'])],
    build: { ssr: true, write: false, minify: false, rolldownOptions: { input: file } },
  })
  if (!('output' in built)) throw new Error('the build answered no bundle')
  const [{ code: text }] = built.output
  const output = path.join(root, `${place.replaceAll('/', '-')}.mjs`)
  writeFileSync(output, text)
  const exports: unknown = await import(pathToFileURL(output).href)
  if (typeof exports !== 'object' || exports === null) throw new Error('the bundle exports nothing')
  return { text, exports: { ...exports } }
}

/** What makes a method long. */
const long = `/* ${'.'.repeat(700)} */`

const counter = (exported: string) => `
  class Counter {
    #total!: number
    readonly name: string
    readonly step = 2
    static made = 0
    constructor(name: string) { this.name = name; this.#total = 40; Counter.made += 1 }
    add(times = 1): number { ${long}; this.#total += times * this.#width(); return this.#total }
    #width(): number { return this.step / 2 }
    get total(): number { return this.#total }
    *ways(): Generator<number> { yield this.#total }
  }
  ${exported}`
const results =
  'export const { add } = new Counter("a"); const c = new Counter("b"); c.add(); c.add(); export const all = [c.total, Counter.made, [...c.ways()][0], c.name]'

test('long methods of classes that there is one of know their instance; what they do is the same', async () => {
  for (const place of ['one.ts', 'vm/pages.ts']) {
    const { text, exports } = await bundled(place, counter(results))
    expect(exports['all']).toEqual([42, 2, 42, 'b'])
    const { add } = exports
    expect(typeof add === 'function' ? add(2) : undefined).toBe(42)
    expect(text).toContain('add = (')
    expect(text).toContain('_Counter_width() {')
    expect(text).not.toContain('#')
    expect(text).not.toMatch(/^\s*(_Counter_total|name);/m)
  }
})

test('elsewhere methods stay methods, and private fields are plain ones that subclasses do not share', async () => {
  const { text, exports } = await bundled(
    'several.ts',
    `class Base { #a!: number; constructor() { this.#a = 1 } get() { return this.#a } }
    class Other extends Base { #a = 5; both() { return [this.get(), this.#a] } }
    export const both = new Other().both()`,
  )
  expect(exports['both']).toEqual([1, 5])
  expect(text).toContain('get() {')
})

test('a class that extends another is refused where methods are bound', async () => {
  await expect(
    bundled(
      'vm/kinds.ts',
      'class Host { base() { return 1 } }\nexport class Kernel extends Host { base() { return 2 } }',
    ),
  ).rejects.toThrow('Kernel extends another class')
})

test('a private name that no class declares is refused', async () => {
  await expect(bundled('one.ts', 'export const read = (x: object) => x.#gone')).rejects.toThrow()
})
