/** What is told of a recording, in the window and on a terminal. */
import type { RecordingInfo } from './contract.ts'

/** Where a process of a recording begins, as a clause; null: it is the program itself, or its parent was not recorded. */
export function beginningText(
  { begins }: RecordingInfo['processes'][number],
  { processes }: RecordingInfo,
): string | null {
  if (begins === null) return null
  const parent = processes[begins.process]?.name ?? `process ${begins.process}`
  const at = begins.at.toLocaleString('en-US')
  const place = begins.isExact
    ? `at reference ${at} of ${parent}`
    : `at the end of ${parent}, whose log was not read as far as the fork`
  return {
    fork: `forked ${place}`,
    spawn: `started with memory of its own ${place}`,
    exec: `${parent} goes on as this program`,
  }[begins.how]
}
