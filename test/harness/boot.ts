/**
 * The child's entry: boot.ts MAIN.js [arguments]. Resolves `electron` to the shim, runs main, then says `ready`: as in
 * Electron, not before main has been evaluated, so that a top-level await on whenReady hangs here too.
 */
import { readFileSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const shim = new URL('./shim/electron.ts', import.meta.url).href
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' || specifier === 'electron/main' || specifier === 'electron/common'
      ? { url: shim, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
})
const packageFile = createRequire(import.meta.url).resolve('electron/package.json')
const { version } = JSON.parse(readFileSync(packageFile, 'utf8'))
Object.defineProperty(process.versions, 'electron', { value: version, enumerable: true })
Object.defineProperty(process, 'resourcesPath', { value: path.resolve('dist') })
Object.defineProperty(process, 'type', { value: 'browser' })

const main = path.resolve(process.argv[2] ?? '')
process.argv.splice(1, 2, process.env.HARNESS_APP ?? path.dirname(main))
const { sayReady } = await import('./shim/app.ts')
await import('./shim/electron.ts')
await import(pathToFileURL(main).href)
sayReady()
