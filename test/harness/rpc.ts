/** Requests both ways over a child process's message channel (serialization 'advanced': structured clones). */
import type { ChildProcess } from 'node:child_process'

export type Methods = Record<string, (...args: any[]) => unknown>
export type Call = (method: string, ...args: unknown[]) => Promise<any>

interface CallMessage {
  rpc: 'call'
  id: number
  method: string
  args: unknown[]
}
interface AnswerMessage {
  rpc: 'answer'
  id: number
  value?: unknown
  error?: { name: string; message: string; stack: string | undefined }
}

/** Answers the other side's calls by `methods`; answers the function that calls it. */
export function connectRpc(peer: ChildProcess | NodeJS.Process, methods: Methods): Call {
  let sequence = 0
  const open = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const post = (message: CallMessage | AnswerMessage) => {
    if (peer.connected) peer.send?.(message, undefined, undefined, () => undefined)
  }
  const receive = async (message: CallMessage | AnswerMessage) => {
    if (message.rpc === 'answer') {
      const waiting = open.get(message.id)
      open.delete(message.id)
      if (message.error) waiting?.reject(Object.assign(new Error(message.error.message), message.error))
      else waiting?.resolve(message.value)
      return
    }
    const { id, method, args } = message
    try {
      const known = methods[method]
      if (!known) throw new Error(`harness: no method ${method}`)
      post({ rpc: 'answer', id, value: await known(...args) })
    } catch (error) {
      const thrown = error instanceof Error ? error : new Error(String(error))
      post({ rpc: 'answer', id, error: { name: thrown.name, message: thrown.message, stack: thrown.stack } })
    }
  }
  const gone = () => {
    for (const { reject } of open.values()) reject(new Error('harness: the other process is gone'))
    open.clear()
  }
  if (peer === process) {
    process.on('message', (message: any) => void receive(message))
    process.on('disconnect', gone)
  } else {
    const child = peer as ChildProcess
    child.on('message', (message: any) => void receive(message))
    child.on('exit', gone)
  }
  return (method, ...args) =>
    new Promise((resolve, reject) => {
      open.set(++sequence, { resolve, reject })
      post({ rpc: 'call', id: sequence, method, args })
    })
}
