import { expect, test } from 'vitest'
import { Outbox } from './outbox.ts'

const setUp = () => {
  const wire = { waiting: 0, sent: [] as any[] }
  const outbox = new Outbox(
    { waitingBytes: () => wire.waiting, send: (frame) => wire.sent.push(JSON.parse(String(frame))) },
    { heldAboveBytes: 10, messagesMax: 3 },
  )
  return { wire, outbox }
}
const message = (text: string) => ({ run: 1, message: { time: 0, level: 'info' as const, routine: '', text } })
const changed = (what: 'runs' | 'images') => ({ what })

test('sends at once while the window keeps up', () => {
  const { wire, outbox } = setUp()
  outbox.notice('changed', changed('runs'))
  outbox.notice('changed', changed('runs'))
  expect(wire.sent).toHaveLength(2)
})

test('merges what a later notice makes worthless while the window is behind', () => {
  const { wire, outbox } = setUp()
  wire.waiting = 100
  for (let i = 0; i < 1000; i++) outbox.notice('changed', changed(i % 2 ? 'runs' : 'images'))
  expect(wire.sent).toHaveLength(0)
  expect(outbox.heldCount).toBe(2)
  wire.waiting = 0
  outbox.flush()
  expect(wire.sent).toEqual([
    { notice: 'changed', data: { what: 'images' } },
    { notice: 'changed', data: { what: 'runs' } },
  ])
})

test('keeps the newest messages and every end of a run', () => {
  const { wire, outbox } = setUp()
  wire.waiting = 100
  outbox.notice('run.ended', { run: 1, status: 'finished', problem: null })
  outbox.notice('run.ended', { run: 2, status: 'failed', problem: 'x' })
  for (let i = 0; i < 10; i++) outbox.notice('run.message', message(String(i)))
  expect(outbox.dropped).toBe(7)
  wire.waiting = 0
  outbox.notice('changed', changed('runs'))
  expect(wire.sent.map((frame) => frame.data.run ?? frame.data.what)).toEqual([1, 2, 1, 1, 1, 'runs'])
  expect(wire.sent.slice(2, 5).map((frame) => frame.data.message.text)).toEqual(['7', '8', '9'])
})
