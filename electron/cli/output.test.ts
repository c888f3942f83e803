import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { ContractError } from '../contract/contract.ts'
import { writeOutput } from './output.ts'

it('a file that the system does not let be made is refused in words, other errors stay what they are', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pager-output-'))
  const inside = (name: string) => path.join(folder, name)
  const made = (file: string) => writeOutput(file, () => openSync(file, 'wx'))
  try {
    writeFileSync(inside('there'), '')
    await expect(made(inside('there'))).rejects.toThrow(
      `${inside('there')} cannot be written: there is one of that name already`,
    )
    await expect(made(inside('none/x'))).rejects.toThrow('there is no such folder')
    await expect(made(inside('there/x'))).rejects.toThrow('what should be its folder is a file')
    await expect(writeOutput(folder, () => writeFileSync(folder, ''))).rejects.toThrow('it is a folder')
    const running = new ContractError({ code: 'running', message: 'run 1 is running' })
    await expect(writeOutput(inside('x'), () => Promise.reject(running))).rejects.toBe(running)
    await expect(writeOutput(inside('x'), () => Promise.resolve(5))).resolves.toBe(5)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
