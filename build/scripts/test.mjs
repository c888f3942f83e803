/**
 * npm test: every test. Installs and builds what is missing, then type-check, lint and the test suites; prints the
 * seconds of each and, as the last line, `N passed, N failed, N skipped`, counted over the suites' own reports
 * (type-check, lint and the build count as a test each). Exit status 1 on any failure.
 *   npm test -- [SUITE...]     only these suites: typecheck lint build unit ui system e2e
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ensureBuilt, ensureInstalled, node24OrExit, root, run, tool } from './project.mjs'

ensureInstalled()
const node = node24OrExit()
const reports = mkdtempSync(path.join(os.tmpdir(), 'pager-tests-'))
/** Full traces, for the tests that want them: found beside the checkout where the environment names none. */
const traces =
  process.env.PAGER_TRACES ??
  ['../shared/traces/open'].map((name) => path.resolve(root, name)).find((folder) => existsSync(folder))

const step = (work) => () => (work() ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 })
const command = (file, ...args) => step(() => run(node, [tool(file), ...args]).status === 0)
const suites = {
  typecheck: command('vue-tsc/bin/vue-tsc.js', '--build'),
  lint: command('eslint/bin/eslint.js', '-c', 'build/eslint.config.js', '.'),
  build: step(() => ensureBuilt()),
  unit: () => vitest('unit'),
  ui: () => vitest('ui'),
  system: () => vitest('system'),
  e2e: () => vitest('e2e'),
}

const asked = process.argv.slice(2)
const unknown = asked.find((name) => !(name in suites))
if (unknown !== undefined) {
  console.error(`no suite is called '${unknown}'; there are ${Object.keys(suites).join(', ')}`)
  process.exit(2)
}

const total = { passed: 0, failed: 0, skipped: 0 }
const lines = []
for (const name of asked.length > 0 ? asked : Object.keys(suites)) {
  console.log(`\n=== ${name}`)
  const began = performance.now()
  const counts = suites[name]()
  const seconds = (performance.now() - began) / 1000
  for (const key of Object.keys(total)) total[key] += counts[key]
  lines.push(`${name.padEnd(10)} ${seconds.toFixed(1).padStart(7)} s  ${words(counts)}`)
}
rmSync(reports, { recursive: true, force: true })
console.log(`\n${lines.join('\n')}\n${words(total)}`)
process.exit(total.failed > 0 ? 1 : 0)

function words({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

function vitest(project) {
  const report = path.join(reports, `${project}.json`)
  const { status } = run(
    node,
    [
      ...[tool('vitest/vitest.mjs'), 'run', '-c', 'build/vitest.config.ts', '--project', project, '--passWithNoTests'],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ],
    { env: traces === undefined ? {} : { PAGER_TRACES: traces } },
  )
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
