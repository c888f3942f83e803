import { beforeAll, describe, expect, test } from 'vitest'
import { mutations, type Mutation } from './mutations.ts'
import { MutationBench, runMutations } from './runMutation.ts'
import { dragonflyMutations, freebsdMutations, netbsdMutations } from './vnodeMutations.ts'

/** Twenty processes, which on a busy machine take their time. */
const HOOK_MS = 300_000

describe.each([
  { what: 'the swap pager', list: mutations },
  { what: "FreeBSD's vnode pager", list: freebsdMutations },
  { what: "DragonFly's vnode pager", list: dragonflyMutations },
  { what: "NetBSD's vnode pager", list: netbsdMutations },
])('planted mistakes in $what', ({ list }) => {
  let results = new Map<Mutation, string[] | Error>()
  beforeAll(async () => {
    results = await runMutations(list)
  }, HOOK_MS)

  test('the engine as it is replays the same logs without a difference', async () => {
    const logs = [...new Set(list.flatMap((mutation) => mutation.logs))]
    const bench = new MutationBench()
    expect(await bench.replay(logs)).toEqual(logs.map(() => 'none'))
    bench.close()
  })

  test.each(list)('the golden logs notice that $description', (mutation) => {
    const found = results.get(mutation)!
    if (found instanceof Error) throw found
    expect(found.length).toBeGreaterThan(0)
    expect(found).not.toContain('none')
  })
})
