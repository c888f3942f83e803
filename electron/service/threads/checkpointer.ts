/** The checkpointer thread: folds the write-ahead log of a database into it when it is told to. */
import { parentPort } from 'node:worker_threads'
import { openConnection, type Connection } from '../../../db/connection.ts'
import type { CheckpointerCalls } from '../protocol.ts'
import { serveCalls } from '../threadCalls.ts'

if (!parentPort) throw new Error('this file is a thread of the workbench')
let connection: Connection | null = null

serveCalls<CheckpointerCalls>(parentPort, {
  checkpoint: (database) => {
    if (connection?.path !== database) {
      connection?.close()
      connection = openConnection(database)
    }
    connection.checkpoint()
  },
})
