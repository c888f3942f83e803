import { describe, expect, it } from 'vitest'
import { SystemCalls } from './systemCalls.ts'

/** Lines as a log has them; a number stands for so many references. */
function heard(...lines: (string | number)[]): SystemCalls {
  let at = 0
  const calls = new SystemCalls(() => ({ references: at, pages: 2 * at }))
  for (const line of lines) {
    if (typeof line === 'number') at += line
    else expect(calls.take(line), line).toBe(true)
  }
  calls.finish()
  return calls
}

const fork =
  'SYSCALL[10,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4a27a10, 0x0 )   clone(fork): process 10 created child 11'

describe('SystemCalls', () => {
  it('finds forks with their place and child, and knows a log that begins within a fork', () => {
    const parent = heard(7, fork, ' --> [pre-success] Success(0xb) ', 1)
    expect(parent.calls).toEqual([{ call: 'fork', pid: 11, at: 7 }])
    expect(parent.isForked).toBe(false)
    const child = heard(
      ' --> [pre-success] Success(0x0) ',
      5,
      'SYSCALL[11,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) ',
    )
    expect(child).toMatchObject({ isForked: true, hasExited: true, calls: [] })
  })

  it('finds whom a process waited for, where the wait began; one that asks only, or fails, is none', () => {
    const calls = heard(
      3,
      'SYSCALL[10,1](61) sys_wait4 ( 4294967295, 0x1fff0005ec, 0, 0x0 ) --> [async] ... ',
      2,
      'SYSCALL[10,1](61) ... [async] --> Success(0x42a9) ',
      'SYSCALL[10,1](247) sys_waitid( 1, 17066, 0x1fff0005f0, 4, 0x0 ) --> [async] ... ',
      'SYSCALL[10,1](247) ... [async] --> Success(0x0) ',
      'SYSCALL[10,1](61) sys_wait4 ( 4294967295, 0x1fff0005ec, 1, 0x0 ) --> [async] ... ',
      'SYSCALL[10,1](61) ... [async] --> Success(0x0) ',
      'SYSCALL[10,1](61) sys_wait4 ( 4294967295, 0x1fff0005ec, 0, 0x0 ) --> [async] ... ',
      'SYSCALL[10,1](61) ... [async] --> Failure(0xa) ',
      'SYSCALL[10,1](61) sys_wait4 ( 5, 0x1fff0005ec, 0, 0x0 )[sync] --> Success(0x5) ',
    )
    expect(calls.calls).toEqual([
      { call: 'wait', pid: 0x42a9, at: 3 },
      { call: 'wait', pid: 17066, at: 5 },
      { call: 'wait', pid: 5, at: 5 },
    ])
  })

  it('takes a wait whose outcome a signal hides for one that came back, and threads apart', () => {
    const calls = heard(
      'SYSCALL[10,1](61) sys_wait4 ( 4294967295, 0x1fff00031c, 0, 0x0 ) --> [async] ... ',
      'SYSCALL[10,2](61) sys_wait4 ( 12, 0x1fff00031c, 0, 0x0 ) --> [async] ... ',
      4,
      'SYSCALL[10,1](15) sys_rt_sigreturn ( ) --> [pre-success] NoWriteResult ',
    )
    expect(calls.calls).toEqual([
      { call: 'wait', pid: null, at: 0 },
      { call: 'wait', pid: 12, at: 0 },
    ])
  })

  it('finds memory that was given up: unmapped, mapped over, moved, advised away, or above a heap that shrank', () => {
    const calls = heard(
      5,
      'SYSCALL[10,1](11) sys_munmap ( 0x4a2a000, 8192 )[sync] --> Success(0x0) ',
      'SYSCALL[10,1](28) sys_madvise ( 0x4a2a000, 4096, 4 ) --> [async] ... ',
      'SYSCALL[10,1](28) ... [async] --> Success(0x0) ',
      'SYSCALL[10,1](28) sys_madvise ( 0x4a2a000, 4096, 3 ) --> [async] ... ',
      'SYSCALL[10,1](28) ... [async] --> Success(0x0) ',
      'SYSCALL[10,1](25) sys_mremap ( 0x4a00000, 8192, 16384, 0x1 ) --> [pre-success] Success(0x4b00000) ',
      'SYSCALL[10,1](25) sys_mremap ( 0x4b00000, 16384, 8192, 0x0 ) --> [pre-success] Success(0x4b00000) ',
      'SYSCALL[10,1](12) sys_brk ( 0x0 ) --> [pre-success] Success(0x4035000) ',
      'SYSCALL[10,1](12) sys_brk ( 0x4135000 ) --> [pre-success] Success(0x4135000) ',
      'SYSCALL[10,1](12) sys_brk ( 0x4130800 ) --> [pre-success] Success(0x4130800) ',
      'SYSCALL[10,1](9) sys_mmap ( 0x4a2a000, 65536, 3, 50, 4294967295, 0 ) --> [pre-success] Success(0x4a2a000) ',
      'SYSCALL[10,1](9) sys_mmap ( 0x0, 65536, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4c00000) ',
      'SYSCALL[10,1](11) sys_munmap ( 0x1, 8192 )[sync] --> Failure(0x16) ',
    )
    const ranges = calls.calls.map((call) =>
      call.call === 'giveUp' ? [call.range.page, call.range.pages, call.at, call.seen] : [],
    )
    expect(ranges).toEqual([
      [0x4a2a, 2, 5, 10],
      [0x4a2a, 1, 5, 10],
      [0x4a00, 2, 5, 10],
      [0x4b02, 2, 5, 10],
      [0x4131, 4, 5, 10],
      [0x4a2a, 16, 5, 10],
    ])
  })

  it('takes names with line ends in them, and refuses lines that are no part of a call', () => {
    const calls = heard('SYSCALL[10,1](257) sys_openat ( 4, 0x40290b1(/tmp/a', 'b), 524288 ) --> [async] ... ')
    expect(calls.take('b), 524288')).toBe(false)
    expect(new SystemCalls(() => ({ references: 0, pages: 0 })).take('I  zz')).toBe(false)
  })
})
