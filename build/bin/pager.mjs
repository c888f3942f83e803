#!/usr/bin/env node
// npx pager: the command line. Goes on under the Node 24 of the packages where an older one started it (better-sqlite3
// crashes on Node 20), and imports nothing before it has.
const major = Number(process.versions.node.split('.')[0])
if (major >= 24) {
  const { pathToFileURL } = await import('node:url')
  const { builtFile } = await import('../scripts/project.mjs')
  // what `npm start` and `npm test` have built starts faster and runs faster; without it, or after a change, the sources do
  const built = builtFile('command')
  const { main } = await import(built === null ? '../../electron/cli/main.ts' : pathToFileURL(built).href)
  process.exitCode = await main(process.argv.slice(2))
} else {
  const { spawn } = await import('node:child_process')
  const { node24OrExit } = await import('../scripts/project.mjs')
  const child = spawn(node24OrExit(), [...process.execArgv, process.argv[1], ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (status, signal) => {
    process.exitCode = status ?? (signal === 'SIGINT' ? 130 : 1)
  })
}
