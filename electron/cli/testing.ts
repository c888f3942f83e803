/** What the tests of commands share: running one in this process. */
import { vi } from 'vitest'
import { main } from './main.ts'

export interface Printed {
  status: number
  out: string
  err: string
}

/** Runs a command in a workspace, and answers its exit status and what it wrote. */
export async function pager(workspace: string, ...args: string[]): Promise<Printed> {
  const [out, err] = [[] as string[], [] as string[]]
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => (out.push(String(text)), true))
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => (err.push(String(text)), true))
  try {
    const status = await main([...args, '--workspace', workspace])
    return { status, out: out.join(''), err: err.join('') }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}
