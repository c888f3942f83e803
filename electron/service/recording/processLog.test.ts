import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { WorkloadBuilder } from '../../../engine/workload/streamBuilder.ts'
import { ProcessLog } from './processLog.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

/** Reads a log of a process that is no more. */
function read(text: string): ProcessLog {
  const folder = mkdtempSync(path.join(tmpdir(), 'log-'))
  folders.push(folder)
  // beyond all process numbers
  const pid = 99_999_999
  const file = path.join(folder, String(pid))
  writeFileSync(file, text)
  const builder = new WorkloadBuilder({ name: 'w' })
  const log = new ProcessLog({
    file,
    pid,
    nameFor: (program) => program,
    filterSize: 1,
    builder,
    accepts: () => true,
    stackPage: -1,
  })
  while (log.read() > 0);
  log.finish()
  expect(existsSync(file)).toBe(false)
  return log
}

const head = '==9== Lackey, an example Valgrind tool\n==9== Command: /bin/a\\ b c\n==9== Parent PID: 8\n==9== \n'

it('a log that a signal cut within a line counts up to there', () => {
  const log = read(`${head}I  04001000,3\n S 1ffe000000,8\nI  0400`)
  expect([log.references, log.messages]).toEqual([2, []])
  expect(log.describe()).toMatchObject({
    name: 'a b',
    command: '/bin/a\\ b c',
    parentPid: 8,
    references: 2,
    footprint: 2,
  })
})

it('forks and waits have their places among the references, whatever else valgrind says of system calls', () => {
  const log = read(
    `${head} --> [pre-success] Success(0x0) \nI  04001000,3\n` +
      'SYSCALL[9,1](257) sys_openat ( 4, 0x40290b1(/tmp/a\nb), 524288 ) --> [async] ... \nSYSCALL[9,1](257) ... [async] --> Success(0x4) \n' +
      'SYSCALL[9,1](56) sys_clone ( 1200011, 0x0 )   clone(fork): process 9 created child 10\n --> [pre-success] Success(0xa) \n' +
      ' L 04002000,8\nSYSCALL[9,1](61) sys_wait4 ( 10, 0x0, 0, 0x0 )[sync] --> Success(0xa) \n',
  )
  expect(log.messages).toEqual([])
  expect(log.family(() => 0)).toMatchObject({
    isForked: true,
    references: 2,
    calls: [
      { call: 'fork', pid: 10, at: 1 },
      { call: 'wait', pid: 10, at: 2 },
    ],
  })
})

it('lines that say nothing that is known are told once, and left out', () => {
  const log = read(`${head}I  04001000,3\nwhat?\nI  04002000,3\n`)
  expect(log.references).toBe(2)
  expect(log.messages).toEqual(['a line of the log of process 99999999 says nothing that is known: what?'])
})
