/** The rules that hold the project's structure, tried on planted faults: only those rules, without types, to be quick. */
import path from 'node:path'
import { ESLint, Linter } from 'eslint'
import ts from 'typescript-eslint'
import { expect, test } from 'vitest'

const root = path.resolve(import.meta.dirname, '..')
const eslint = new ESLint({ cwd: root, overrideConfigFile: 'build/eslint.config.js' })
const linter = new Linter()

/** What the structural rules say of a text, were it the file. */
async function complaints(file: string, text: string): Promise<string[]> {
  const config = await eslint.calculateConfigForFile(path.join(root, file))
  const rules = Object.fromEntries(Object.entries(config.rules).filter(([name]) => /no-restricted-/.test(name)))
  const messages = linter.verify(
    text,
    [
      {
        files: ['**'],
        plugins: { '@typescript-eslint': ts.plugin },
        languageOptions: { parser: ts.parser },
        rules: rules as any,
      },
    ],
    file,
  )
  return messages.map(({ ruleId, message }) => ruleId ?? message)
}
const importing = (from: string) => `import { x } from '${from}'\nx()\n`
const refused = ['@typescript-eslint/no-restricted-imports']

test.each([
  ['engine/vm/a.ts', '../../db/x.ts'],
  ['engine/vm/a.ts', '../../electron/contract/contract.ts'],
  ['engine/vm/a.ts', 'zod'],
  ['engine/vm/a.ts', 'node:fs'],
  ['engine/vm/a.ts', '../conformance/swap.ts'],
  ['engine/disk/a.ts', '../../renderer/x.ts'],
  ['db/a.ts', '../electron/x.ts'],
  ['db/a.ts', '../engine/vm/x.ts'],
  ['db/report/a.ts', '../../engine/swap/x.ts'],
  ['electron/service/a.ts', '../../renderer/x.ts'],
  ['electron/service/a.ts', '../../engine/conformance/swap.ts'],
  ['renderer/a.ts', '../engine/sim/metrics.ts'],
  ['renderer/views/a.ts', '../../electron/service/workbench.ts'],
  ['renderer/views/a.ts', '../../electron/hosts/dispatch.ts'],
  ['renderer/a.ts', 'electron'],
])('%s may not import %s', async (file, from) => {
  expect(await complaints(file, importing(from))).toEqual(refused)
})

test.each([
  ['engine/vm/a.ts', '../sim/columns.ts'],
  ['engine/disk/a.ts', 'node:fs'],
  ['engine/workload/a.ts', 'node:zlib'],
  ['engine/conformance/a.ts', '../swap/blist.ts'],
  ['engine/vm/a.test.ts', 'vitest'],
  ['db/a.ts', '../engine/workload/codec.ts'],
  ['db/report/a.ts', '../../engine/sim/metrics.ts'],
  ['electron/cli/a.ts', '../../engine/conformance/swap.ts'],
  ['electron/service/a.ts', '../../db/traceStore.ts'],
  ['renderer/a.ts', '../electron/contract/contract.ts'],
  ['renderer/host/a.ts', '../../electron/hosts/desktopApi.ts'],
])('%s may import %s', async (file, from) => {
  expect(await complaints(file, importing(from))).toEqual([])
})

test('the engine may not read clocks or draw numbers, nor use mathematics whose last bits differ', async () => {
  for (const text of [
    'Date.now()',
    'new Date()',
    'performance.now()',
    'Math.random()',
    'Math.log2(8)',
    'Math.pow(2, 3)',
    '2 ** 3',
    'let a = 1; a **= 2',
  ])
    expect(await complaints('engine/sim/a.ts', `${text}\n`), text).toHaveLength(1)
  for (const text of ['Math.floor(1.5)', 'Math.clz32(8)', 'Math.imul(2, 3)', 'Math.sqrt(4)'])
    expect(await complaints('engine/sim/a.ts', `${text}\n`), text).toEqual([])
})
