/** The thread that has the page's WebSocket (threadSocket.ts). */
import type { FromSocketThread, ToSocketThread } from './threadSocket.ts'

let socket: WebSocket | null = null

const tell = (message: FromSocketThread, transfer: Transferable[] = []) => self.postMessage(message, { transfer })

self.onmessage = ({ data }: MessageEvent<ToSocketThread>) => {
  if (typeof data === 'string') socket?.send(data)
  else open(data.address)
}

function open(address: string): void {
  socket = new WebSocket(address)
  socket.binaryType = 'arraybuffer'
  socket.onopen = () => tell('open')
  socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) =>
    tell({ frame: data }, data instanceof ArrayBuffer ? [data] : [])
  socket.onclose = () => tell('closed')
}
