import { afterEach, expect, test } from 'vitest'
import { connectBrowserHost } from './browserBridge.ts'

/** A socket under the test's control. */
class FakeSocket {
  static readonly opened: FakeSocket[] = []
  isOpen = false
  onopen: (() => void) | null = null
  onmessage: ((frame: unknown) => void) | null = null
  onclose: (() => void) | null = null
  readonly sent: any[] = []
  constructor() {
    FakeSocket.opened.push(this)
  }
  send(text: string) {
    this.sent.push(JSON.parse(text))
  }
  open() {
    this.isOpen = true
    this.onopen?.()
  }
  receive(data: unknown) {
    this.onmessage?.(data instanceof ArrayBuffer ? data : JSON.stringify(data))
  }
  close() {
    this.isOpen = false
    this.onclose?.()
  }
}

afterEach(() => void (FakeSocket.opened.length = 0))

async function setUp(session: boolean | null = true) {
  const connecting = connectBrowserHost({
    openSocket: () => new FakeSocket(),
    hasSession: () => Promise.resolve(session),
    pausesMs: [1],
  })
  FakeSocket.opened[0]!.open()
  return { bridge: await connecting, socket: FakeSocket.opened[0]! }
}

test('answers find their requests in whatever order they come', async () => {
  const { bridge, socket } = await setUp()
  const first = bridge.request('runs.start', { file: {}, record: true, startPaused: false })
  const second = bridge.request('runs.list', {})
  socket.receive({ id: socket.sent[1].id, result: [] })
  socket.receive({ id: socket.sent[0].id, result: { id: 5 } })
  expect(await first).toEqual({ id: 5 })
  expect(await second).toEqual([])
})

test('an error keeps its code and field; a result that is not of the contract is refused', async () => {
  const { bridge, socket } = await setUp()
  const wrong = bridge.request('runs.rename', { id: 1, name: 'x' })
  socket.receive({ id: socket.sent[0].id, error: { code: 'no-such-run', message: 'there is no run 1', field: 'id' } })
  await expect(wrong).rejects.toMatchObject({
    name: 'ContractError',
    code: 'no-such-run',
    field: 'id',
    message: 'there is no run 1',
  })
  const odd = bridge.request('runs.list', {})
  socket.receive({ id: socket.sent[1].id, result: 'nothing' })
  await expect(odd).rejects.toMatchObject({ code: 'bad-result' })
})

test('a binary answer is its bytes without the header', async () => {
  const { bridge, socket } = await setUp()
  const frames = bridge.request('runs.frames', { id: 1 })
  const frame = new ArrayBuffer(12)
  new DataView(frame).setBigUint64(0, BigInt(socket.sent[0].id), true)
  new Uint8Array(frame).set([1, 2, 3, 4], 8)
  socket.receive(frame)
  expect([...new Uint8Array(await frames)]).toEqual([1, 2, 3, 4])
})

test('no more than 32 requests are under way; the rest follow in order', async () => {
  const { bridge, socket } = await setUp()
  const all = Array.from({ length: 40 }, () => bridge.request('runs.list', {}))
  expect(socket.sent).toHaveLength(32)
  for (let i = 0; i < 40; i++) socket.receive({ id: socket.sent[i].id, result: [] })
  expect(await Promise.all(all)).toHaveLength(40)
  expect(socket.sent.map((frame) => frame.id)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
})

test('a broken connection rejects what was under way, keeps subscriptions, and comes back', async () => {
  const { bridge, socket } = await setUp()
  const states: boolean[] = []
  const heard: unknown[] = []
  bridge.onConnection((connected) => states.push(connected))
  bridge.on('changed', (notice) => heard.push(notice))
  const lost = bridge.request('runs.list', {})
  socket.close()
  await expect(lost).rejects.toMatchObject({ code: 'disconnected' })
  const waiting = bridge.request('runs.list', {})
  await expect.poll(() => FakeSocket.opened.length).toBe(2)
  const next = FakeSocket.opened[1]!
  next.open()
  next.receive({ id: next.sent[0].id, result: [] })
  expect(await waiting).toEqual([])
  next.receive({ notice: 'changed', data: { what: 'runs' } })
  next.receive({ notice: 'changed', data: { what: 'nonsense' } })
  next.receive({ notice: 'unheard-of', data: {} })
  expect(heard).toEqual([{ what: 'runs' }])
  expect(states).toEqual([true, false, true])
})

test('a host that does not know the page any more is not tried again, and says so', async () => {
  const { bridge, socket } = await setUp(false)
  socket.close()
  await expect
    .poll(() =>
      bridge.request('runs.list', {}).then(
        () => '',
        (error: unknown) => (error as { code: string }).code,
      ),
    )
    .toBe('signed-out')
  expect(FakeSocket.opened).toHaveLength(1)
})

test('a page that is not let in at first learns why', async () => {
  const connecting = connectBrowserHost({
    openSocket: () => new FakeSocket(),
    hasSession: () => Promise.resolve(false),
    pausesMs: [1],
  })
  FakeSocket.opened[0]!.close()
  await expect(connecting).rejects.toMatchObject({ code: 'signed-out' })
})
