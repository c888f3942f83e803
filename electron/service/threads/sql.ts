/** The thread of the query box: runs one query in SQL at a time, and is ended when that is not wanted any more. */
import { parentPort, workerData } from 'node:worker_threads'
import { SqlSession } from '../../../db/sql.ts'
import type { QueryData, SqlCalls } from '../protocol.ts'
import { serveCalls } from '../threadCalls.ts'

if (!parentPort) throw new Error('this file is a thread of the workbench')
// what the service has passed
const { database } = workerData as QueryData
const session = new SqlSession(database)

serveCalls<SqlCalls>(parentPort, { run: (sql, limits) => session.run(sql, limits) })
