/**
 * `new URL('./engineThread.ts', import.meta.url)` names a file beside the source. In the bundle the source is elsewhere:
 * a TypeScript target becomes an entry of its own beside the bundle, any other file keeps its place in the project.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Plugin } from 'vite'

const fileUrl = /new URL\(\s*(['"`])(\.{1,2}\/[^'"`]+)\1\s*,\s*import\.meta\.url\s*,?\s*\)/g

/** Every TypeScript file that a `new URL` in one of the folders names: entry name -> path. Tests are left out. */
export function findUrlEntries(root: string, folders: string[]): Record<string, string> {
  const entries: Record<string, string> = {}
  for (const folder of folders.filter((name) => existsSync(path.join(root, name))))
    for (const name of readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })) {
      const file = path.join(root, folder, name)
      if (!file.endsWith('.ts') || file.endsWith('.test.ts') || file.endsWith('.d.ts')) continue
      for (const match of readFileSync(file, 'utf8').matchAll(fileUrl)) {
        const target = path.resolve(path.dirname(file), match[2] ?? '')
        if (target.endsWith('.ts')) entries[entryName(root, target)] = target
      }
    }
  return entries
}

/** Rewrites those URLs so that they hold for a bundle in `outDir`. */
export function rewriteFileUrls(root: string, outDir: string): Plugin {
  return {
    name: 'file-urls',
    transform(code, id) {
      const source = id.split('?')[0] ?? id
      if (!code.includes('import.meta.url') || source.includes('node_modules')) return null
      const rewritten = code.replace(fileUrl, (_all, _quote, relative: string) => {
        const target = path.resolve(path.dirname(source), relative)
        const place = target.endsWith('.ts')
          ? `./${entryName(root, target)}.js`
          : posix(path.relative(outDir, target)) + (relative.endsWith('/') ? '/' : '')
        return `new URL(${JSON.stringify(place)}, import.meta.url)`
      })
      return rewritten === code ? null : { code: rewritten, map: null }
    },
  }
}

const posix = (file: string) => file.split(path.sep).join('/')
/** electron/service/engineThread.ts -> electron-service-engineThread: unique, and flat, so that chunks find it beside them. */
const entryName = (root: string, file: string) =>
  posix(path.relative(root, file)).replace(/\.ts$/, '').replaceAll('/', '-')
