import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findUrlEntries, rewriteFileUrls } from './fileUrls.ts'

const root = mkdtempSync(path.join(os.tmpdir(), 'file-urls-'))
const service = path.join(root, 'electron/service')
mkdirSync(service, { recursive: true })
const source = `
  new Worker(new URL('./engineThread.ts', import.meta.url))
  new Worker(
    new URL(
      "../../db/writer.ts",
      import.meta.url,
    ),
  )
  const demo = new URL('../../examples/demo.json', import.meta.url)
  const folder = new URL('../../examples/', import.meta.url)
  const other = new URL('./x.ts', base)
`
writeFileSync(path.join(service, 'a.ts'), source)
writeFileSync(path.join(service, 'a.test.ts'), "new URL('./onlyInTests.ts', import.meta.url)")

test('threads that sources name become entries of the build; those of tests do not', () => {
  expect(findUrlEntries(root, ['electron', 'missing'])).toEqual({
    'electron-service-engineThread': path.join(service, 'engineThread.ts'),
    'db-writer': path.join(root, 'db/writer.ts'),
  })
})

test('in the bundle a thread lies beside it, and other files where they are', () => {
  const { transform } = rewriteFileUrls(root, path.join(root, 'dist/electron'))
  if (typeof transform !== 'function') throw new Error('the plugin has no transform')
  const result = transform.call({} as any, source, path.join(service, 'a.ts')) as { code: string }
  expect(result.code).toContain('new URL("./electron-service-engineThread.js", import.meta.url)')
  expect(result.code).toContain('new URL("./db-writer.js", import.meta.url)')
  expect(result.code).toContain('new URL("../../examples/demo.json", import.meta.url)')
  expect(result.code).toContain('new URL("../../examples/", import.meta.url)')
  expect(result.code).toContain("new URL('./x.ts', base)")
})
