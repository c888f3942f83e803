import { beforeAll, describe, expect, test } from 'vitest'
import { mutations, type Mutation } from './mutations.ts'
import { MutationBench, runMutations } from './runMutation.ts'

describe('planted mistakes in the swap pager', () => {
  let results = new Map<Mutation, string[] | Error>()
  beforeAll(async () => {
    results = await runMutations(mutations)
  })

  test('the engine as it is replays the same logs without a difference', async () => {
    const logs = [...new Set(mutations.flatMap((mutation) => mutation.logs))]
    const bench = new MutationBench()
    expect(await bench.replay(logs)).toEqual(logs.map(() => 'none'))
    bench.close()
  })

  test.each(mutations)('the golden logs notice that $description', (mutation) => {
    const found = results.get(mutation)!
    if (found instanceof Error) throw found
    expect(found.length).toBeGreaterThan(0)
    expect(found).not.toContain('none')
  })
})
