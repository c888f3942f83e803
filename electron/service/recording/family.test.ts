import { describe, expect, it } from 'vitest'
import { familyOf, type FamilyLog } from './family.ts'
import type { RecordedCall } from './systemCalls.ts'

const fork = (pid: number, at: number): RecordedCall => ({ call: 'fork', pid, at })
const wait = (pid: number | null, at: number): RecordedCall => ({ call: 'wait', pid, at })

/** Logs of 1000 references; streams are numbered as they are listed unless said otherwise. */
function logs(...made: (Partial<FamilyLog> & { pid: number })[]): FamilyLog[] {
  return made.map((log, stream) => ({
    ...{ parentPid: null, isForked: false, hasExited: false, calls: [], references: 1000, stream, givenUp: () => [] },
    ...log,
  }))
}

const verbs = (...made: FamilyLog[]) => familyOf(made).map((member) => member.verbs)

describe('familyOf', () => {
  it('a child begins where its parent forked, and is waited for', () => {
    const family = familyOf(
      logs({ pid: 1, calls: [fork(2, 70), wait(2, 80)] }, { pid: 2, parentPid: 1, isForked: true }),
    )
    expect(family).toEqual([
      {
        begins: null,
        verbs: [
          { at: 70, verb: 'fork', child: 1 },
          { at: 80, verb: 'wait', child: 1 },
        ],
      },
      { begins: { how: 'fork', process: 0, at: 70, isExact: true }, verbs: [] },
    ])
  })

  it('a child that executes a program goes on as another process, and both are waited for', () => {
    const family = familyOf(
      logs(
        { pid: 1, calls: [fork(2, 70), wait(2, 80)] },
        { pid: 2, parentPid: 1, isForked: true, references: 9 },
        { pid: 2, parentPid: 1 },
      ),
    )
    expect(family.map(({ verbs: list }) => list)).toEqual([
      [
        { at: 70, verb: 'fork', child: 1 },
        { at: 80, verb: 'wait', child: 1 },
        { at: 80, verb: 'wait', child: 2 },
      ],
      [{ at: 9, verb: 'spawn', child: 2 }],
      [],
    ])
    expect(family[2]?.begins).toEqual({ how: 'exec', process: 1, at: 9, isExact: true })
  })

  it('one of which nothing is stored before its program is spawned by its parent', () => {
    const parent = { pid: 1, calls: [fork(2, 70)] }
    const spawned = [{ at: 70, verb: 'spawn', child: 1 }]
    expect(verbs(...logs(parent, { pid: 2 }))).toEqual([spawned, []])
    expect(verbs(...logs(parent, { pid: 2, stream: -1, isForked: true }, { pid: 2, stream: 1 }))).toEqual([spawned, []])
  })

  it('a wait that does not tell whom it waited for has the oldest child that no other has', () => {
    const made = logs(
      { pid: 1, calls: [fork(2, 1), fork(3, 2), fork(4, 3), wait(null, 4), wait(2, 5), wait(null, 6), wait(null, 7)] },
      ...[2, 3, 4].map((pid) => ({ pid, isForked: true })),
    )
    expect(verbs(...made)[0]?.filter(({ verb }) => verb === 'wait')).toEqual([
      { at: 4, verb: 'wait', child: 2 },
      { at: 5, verb: 'wait', child: 1 },
      { at: 6, verb: 'wait', child: 3 },
    ])
  })

  it('a child whose fork was not read any more begins at the end of its parent, and the parent waits for nobody it has not begun', () => {
    const family = familyOf(
      logs({ pid: 1, calls: [wait(2, 5)] }, { pid: 2, parentPid: 1, isForked: true }, { pid: 3, parentPid: 99 }),
    )
    expect(family.map(({ begins }) => begins)).toEqual([
      null,
      { how: 'fork', process: 0, at: 1000, isExact: false },
      null,
    ])
    expect(family[0]?.verbs).toEqual([{ at: 1000, verb: 'fork', child: 1 }])
  })

  it('a process number that is given twice is two processes', () => {
    const made = logs(
      { pid: 1, calls: [fork(2, 10), wait(2, 20), fork(2, 30)] },
      { pid: 2, isForked: true, hasExited: true },
      { pid: 2 },
    )
    expect(verbs(...made)[0]).toEqual([
      { at: 10, verb: 'fork', child: 1 },
      { at: 20, verb: 'wait', child: 1 },
      { at: 30, verb: 'spawn', child: 2 },
    ])
  })
})
