/**
 * What of the three vnode pagers no workload reaches, and why: `npx node test/coverage/report.ts`. --json: for the test beside it.
 */
import path from 'node:path'
import { coverageOf } from './blocks.ts'
import { reasonOf } from './unreached.ts'

const folder = path.resolve(import.meta.dirname, '../../engine/vnode')
/** The pagers; not what joins them to the machine, nor what only tests use. */
const isPager = (file: string) =>
  /^(freebsd|dragonfly|netbsd)\//.test(file) && !/(adapter|kernelHost|testing|\.test)\.ts$/.test(file)

const problems: string[] = []
const { total, unreached } = await coverageOf(folder, isPager, async () => {
  const { runVnodeWorkloads } = await import('./vnodeWorkloads.ts')
  problems.push(...runVnodeWorkloads())
})

if (process.argv.includes('--json')) console.log(JSON.stringify({ total, unreached, problems }))
else {
  for (const problem of problems) console.log(problem)
  let file = ''
  for (const block of unreached) {
    if (block.file !== file) console.log(`\n${(file = block.file)}`)
    console.log(`${String(block.line).padStart(5)}  ${block.text}\n       ${reasonOf(block)?.why ?? 'NOT LISTED'}`)
  }
  console.log(`\n${total - unreached.length} of ${total} blocks are reached by workloads`)
}
