/**
 * npm start: opens the workbench, installing and building what is missing. In Electron's window where that can be had,
 * else in the browser host, with a line that says why.
 *   npm start -- [--workspace DIR] [--port N] [--browser] [--allow-record] [--fetch-electron]
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { ensureBuilt, ensureInstalled, node24OrExit, root, runAsync } from './project.mjs'

const usage = `usage: npm start -- [--workspace DIR] [--port N] [--browser] [--allow-record] [--fetch-electron]
  --workspace DIR    where traces, images and runs are kept (default: PAGER_WORKSPACE, else ~/PagerWorkbench)
  --browser          the browser host, even where Electron could run
  --port N           the browser host's port
  --allow-record     let the browser's page have programs executed on this machine, to record them
  --fetch-electron   tries again to download Electron though it failed lately`

const fetchSecondsMax = 60
/** How long a failed download is remembered. */
const retryHours = 1
/** Electron that ends sooner than this, and badly, could not start. */
const startSeconds = 10

const options = readOptions()
if (options.help) {
  console.log(usage)
  process.exit(0)
}
ensureInstalled()

const obstacle = options.browser ? 'as asked' : obstacleToElectron()
if (obstacle === null) {
  if (!ensureBuilt()) process.exit(1)
  const began = Date.now()
  const { status, signal } = await runAsync(electronBinary(), [root, ...workspaceArgs()], {
    env: { ELECTRON_RUN_AS_NODE: undefined },
  })
  if (status === 0 || Date.now() - began > startSeconds * 1000) process.exit(status ?? 1)
  console.log(`Electron could not start (${signal ?? `exit status ${status}`}): going on in the browser host.`)
} else if (!options.browser) {
  console.log(`Electron cannot run here: ${obstacle}. Going on in the browser host.`)
}
if (!ensureBuilt(['renderer'])) process.exit(1)
const serve = [
  path.join(root, 'build/bin/pager.mjs'),
  'serve',
  ...workspaceArgs(),
  ...(options.port === undefined ? [] : ['--port', options.port]),
  ...(options['allow-record'] ? ['--allow-record'] : []),
]
const { status } = await runAsync(node24OrExit(), serve)
process.exit(status ?? 0)

function readOptions() {
  const flag = { type: 'boolean', default: false }
  try {
    const { values } = parseArgs({
      options: {
        workspace: { type: 'string' },
        port: { type: 'string' },
        browser: flag,
        'allow-record': flag,
        'fetch-electron': flag,
        help: flag,
      },
    })
    if (values.port !== undefined && !/^\d{1,5}$/.test(values.port))
      throw new Error(`--port wants a number, not '${values.port}'`)
    return values
  } catch (error) {
    console.error(`${error.message}\n${usage}`)
    process.exit(2)
  }
}

function workspaceArgs() {
  // npm changes to the project's folder; a relative path was meant from where the user is
  return options.workspace === undefined
    ? []
    : ['--workspace', path.resolve(process.env.INIT_CWD ?? '.', options.workspace)]
}

/** Why Electron's window cannot open, in a few words; null if it can. Fetches the binary once where it is missing. */
function obstacleToElectron() {
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
    return 'there is no display (DISPLAY and WAYLAND_DISPLAY are not set)'
  if (process.platform === 'linux' && process.getuid?.() === 0) return 'its sandbox refuses to run as root'
  if (electronBinary()) return null
  const failure = path.join(root, 'node_modules/.cache/electron-download-failed')
  if (existsSync(failure) && !options['fetch-electron']) {
    const { time, why } = JSON.parse(readFileSync(failure, 'utf8'))
    if (Date.now() - time < retryHours * 3600_000)
      return `its binary could not be downloaded lately (${why}; --fetch-electron tries again)`
  }
  console.log(`Fetching Electron's binary, once (some 120 MB, at most ${fetchSecondsMax} s) ...`)
  const result = spawnSync(process.execPath, [path.join(root, 'node_modules/electron/install.js')], {
    cwd: root,
    encoding: 'utf8',
    timeout: fetchSecondsMax * 1000,
    killSignal: 'SIGKILL',
  })
  if (result.status === 0 && electronBinary()) {
    rmSync(failure, { force: true })
    return null
  }
  const why = result.error ? `no answer within ${fetchSecondsMax} s` : firstError(result.stderr)
  mkdirSync(path.dirname(failure), { recursive: true })
  writeFileSync(failure, JSON.stringify({ time: Date.now(), why }))
  return `its binary cannot be downloaded (${why})`
}

function electronBinary() {
  if (process.env.ELECTRON_BIN) return process.env.ELECTRON_BIN
  const folder = path.join(root, 'node_modules/electron')
  const name = path.join(folder, 'path.txt')
  if (!existsSync(name)) return null
  const file = path.join(folder, 'dist', readFileSync(name, 'utf8'))
  return existsSync(file) ? file : null
}

function firstError(text) {
  const line = text.split('\n').find((each) => /error/i.test(each)) ?? text.split('\n')[0] ?? ''
  return line.trim().slice(0, 120) || 'no reason given'
}
