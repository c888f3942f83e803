/**
 * npm test: every test. Installs and builds what is missing, then the test suites, type-check and lint; prints the
 * seconds of each and, as the last line, `N passed, N failed, N skipped`, counted over the suites' own reports
 * (type-check, lint and the build count as a test each). Exit status 1 on any failure.
 * Tests that want full traces look in the folder that PAGER_TRACES names.
 *   npm test -- [SUITE...]     only these suites: build unit ui system e2e typecheck lint
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ensureBuilt, ensureInstalled, node24OrExit, root, runAsync, tool } from './project.mjs'

ensureInstalled()
const node = node24OrExit()
// hundreds of threads and programs begin during the tests, all from the same sources
process.env['NODE_COMPILE_CACHE'] ??= path.join(root, 'node_modules/.cache/node')
const reports = mkdtempSync(path.join(os.tmpdir(), 'pager-tests-'))

/** Those of `quiet` use one core and say little: from the beginning they take what the others leave of the processor, and are heard last. */
const quiet = {
  typecheck: () => check('vue-tsc/bin/vue-tsc.js', '--build'),
  lint: () => check('eslint/bin/eslint.js', '-c', 'build/eslint.config.js', '.'),
}
/** Each answers {passed, failed, skipped}. */
const suites = {
  build: () => one(ensureBuilt()),
  unit: () => vitest('unit'),
  ui: () => vitest('ui'),
  system: () => vitest('system'),
  e2e: () => vitest('e2e'),
  ...quiet,
}

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !(name in suites))
if (unknown !== undefined) {
  console.error(`no suite is called '${unknown}'; there are ${Object.keys(suites).join(', ')}`)
  process.exit(2)
}

const total = { passed: 0, failed: 0, skipped: 0 }
const lines = []
const wanted = Object.keys(suites).filter((name) => asked.length === 0 || asked.includes(name))
const early = new Map(wanted.filter((name) => name in quiet).map((name) => [name, timed(name)]))
for (const name of wanted) {
  console.log(`\n=== ${name}`)
  const { counts, seconds, output } = await (early.get(name) ?? timed(name))
  if (output) process.stdout.write(output)
  for (const key of Object.keys(total)) total[key] += counts[key]
  lines.push(`${name.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s  ${words(counts)}`)
}
rmSync(reports, { recursive: true, force: true })
console.log(`\n${lines.join('\n')}\n${words(total)}`)
process.exit(total.failed > 0 ? 1 : 0)

function words({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

async function timed(name) {
  const began = performance.now()
  const { output, ...counts } = await suites[name]()
  return { counts, output, seconds: (performance.now() - began) / 1000 }
}

function one(succeeded) {
  return succeeded ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 }
}

/** Runs a tool and keeps what it says until its turn. */
async function check(file, ...args) {
  const { status, output } = await runAsync(node, [tool(file), ...args], { capture: true, isPatient: true })
  return { ...one(status === 0), output }
}

async function vitest(project) {
  const report = path.join(reports, `${project}.json`)
  const { status } = await runAsync(node, [
    ...[tool('vitest/vitest.mjs'), 'run', '-c', 'build/vitest.config.ts', '--project', project, '--passWithNoTests'],
    ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
  ])
  if (!existsSync(report)) return { passed: 0, failed: status === 0 ? 0 : 1, skipped: 0 }
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, 'utf8'),
  )
  // a file that could not even be loaded has no tests to count, but it failed
  const broken = testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failed = numFailedTests + broken
  return {
    passed: numPassedTests,
    failed: failed === 0 && status !== 0 ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  }
}
