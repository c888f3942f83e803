import { expect, test } from 'vitest'
import { decodeTable } from '../contract/dataPlane.ts'
import type { MomentOfRun, WorkbenchClient } from '../contract/contract.ts'
import { follow, runToEnd, smallExperiment, withService } from './testing.ts'

/** Everything that is to be seen at a moment. */
async function all(client: WorkbenchClient, id: number, at: MomentOfRun) {
  const state = await client.request('runs.moment', { id, at })
  const frames = await client.request('runs.frames', { id, at })
  const blocks = await client.request('runs.blocks', { id, at, device: 0, cells: 4096 })
  const [object] = state.objects
  const pages = await client.request('runs.objectPages', { id, at, object: object?.object ?? 0, from: 0, count: 4096 })
  return { state, tables: [frames, blocks, pages].map((table) => decodeTable(table)) }
}

test('a moment executed again is what was to be seen when it was now, with what was done to the machine before and after', () =>
  withService(async (workbench) => {
    const follower = follow(workbench)
    const file = smallExperiment({}, 20_000)
    const { id } = await workbench.request('runs.start', { file, record: true, startPaused: true })
    const seen: Awaited<ReturnType<typeof all>>[] = []
    for (const kinds of [['swapout'], ['swapin'], [], ['evict']]) {
      const before = (await workbench.request('runs.moment', { id, at: null })).events
      await workbench.request('runs.control', { id, action: 'step-event', kinds })
      while ((await workbench.request('runs.moment', { id, at: null })).events === before);
      if (kinds.length === 0) await workbench.request('runs.intervene', { id, action: 'swapoff', device: 1 })
      if (kinds.length === 1) seen.push(await all(workbench, id, null))
    }
    await workbench.request('runs.control', { id, action: 'resume' })
    await follower.ended(id)
    for (const before of [...seen, ...seen.toReversed()])
      expect(await all(workbench, id, { event: before.state.events - 1 })).toEqual(before)
    const [{ state }] = seen as [Awaited<ReturnType<typeof all>>]
    expect(state.swapUsed).toBeGreaterThan(0)
    expect((await workbench.request('runs.moment', { id, at: { ns: state.virtualNs } })).events).toBeGreaterThanOrEqual(
      state.events,
    )
    expect((await workbench.request('runs.moment', { id, at: { reference: 15_000 } })).references).toBe(15_000)
    // all have exited
    const end = await workbench.request('runs.moment', { id, at: null })
    expect([end.references, end.freePages, end.swapUsed]).toEqual([20_000, 256, 0])
  }))

test('a later request takes the place of one under way; what cannot be shown says why', () =>
  withService(async (workbench) => {
    const { id } = await runToEnd(workbench, () =>
      workbench.request('runs.start', { file: smallExperiment({}, 20_000), record: true, startPaused: false }),
    )
    const first = workbench.request('runs.moment', { id, at: { reference: 19_000 } })
    const second = workbench.request('runs.frames', { id, at: { reference: 9_000 } })
    await expect(first).rejects.toMatchObject({ code: 'superseded' })
    expect(decodeTable(await second).rows).toBe(256)
    await expect(workbench.request('runs.moment', { id: 99, at: null })).rejects.toMatchObject({ code: 'not-found' })
    await expect(workbench.request('runs.blocks', { id, at: null, device: 5, cells: 10 })).rejects.toMatchObject({
      code: 'no-device',
    })
  }))

test.each([null, 'raw.img'])('a machine whose files are written goes back as well as on (image: %s)', (image) =>
  withService(async (workbench) => {
    await workbench.request('images.create', { name: 'raw.img', sizeBytes: 16 << 20 })
    const file = smallExperiment({ untouched: 'file', files: { pager: 'netbsd', mapping: 'shared', image } }, 3_000)
    const { id } = await runToEnd(workbench, () => workbench.request('runs.start', { file, record: true, startPaused: false }))
    const early = await all(workbench, id, { reference: 1_000 })
    const late = await all(workbench, id, { reference: 2_500 })
    expect(late).not.toEqual(early)
    expect(await all(workbench, id, { reference: 1_000 })).toEqual(early)
    expect(await all(workbench, id, { reference: 2_500 })).toEqual(late)
  }),
)
