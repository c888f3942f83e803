import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { acquireImageLock, breakLockOfThread, lockPathOf, refuseIfLocked } from './imageLock.ts'
import { RawImage, createImage } from './rawImage.ts'
import { diskErrorOf, scratchFolder } from './testing.ts'

const rawImageModule = path.join(import.meta.dirname, 'rawImage.ts')

function newImage(): string {
  const file = path.join(scratchFolder(onTestFinished), 'disk.img')
  createImage(file, 64 * 4096)
  return file
}

/** A script that opens `file` to write and says how that went. */
function openerScript(file: string): string {
  return `
    import { RawImage } from ${JSON.stringify(rawImageModule)}
    try {
      RawImage.open(${JSON.stringify(file)}, 'write')
      console.log('opened')
    } catch (error) {
      console.log(error.code + ' ' + error.message)
    }
  `
}

function openInOtherProcess(file: string): string {
  return spawnSync(process.execPath, ['--input-type=module', '-e', openerScript(file)], { encoding: 'utf8' }).stdout
}

test('an image open to write is refused to everybody else, and free again after close', () => {
  const file = newImage()
  const image = RawImage.open(file, 'write')
  const error = diskErrorOf(() => RawImage.open(file, 'write'))
  expect(error.code).toBe('image-in-use')
  expect(error.message.split('\n')).toHaveLength(1)
  expect(openInOtherProcess(file)).toBe(`image-in-use ${file}: process ${process.pid} is writing to this image\n`)
  image.close()
  image.close()
  expect(fs.existsSync(lockPathOf(file))).toBe(false)
  expect(openInOtherProcess(file)).toBe('opened\n')
})

test('the lock is that of the file, by whatever path it is opened', () => {
  const file = newImage()
  const link = `${file}.link`
  fs.symlinkSync(file, link)
  const image = RawImage.open(link, 'write')
  expect(diskErrorOf(() => RawImage.open(file, 'write')).code).toBe('image-in-use')
  image.close()
})

test('the thread that writes may also read, for its other partitions', () => {
  const file = newImage()
  const image = RawImage.open(file, 'write')
  RawImage.open(file, 'read').close()
  image.close()
})

test('a process that writes keeps others from reading; killed, its lock is taken over', async () => {
  const file = newImage()
  const script = openerScript(file) + '\nsetInterval(() => {}, 1000)'
  const child = spawn(process.execPath, ['--input-type=module', '-e', script])
  await once(child.stdout, 'data')
  expect(diskErrorOf(() => RawImage.open(file, 'read')).code).toBe('image-in-use')
  expect(diskErrorOf(() => RawImage.open(file, 'write')).message).toContain(`process ${child.pid ?? 0}`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(fs.existsSync(lockPathOf(file))).toBe(true)
  RawImage.open(file, 'read').close()
  RawImage.open(file, 'write').close()
  expect(fs.readdirSync(path.dirname(file))).toEqual(['disk.img'])
})

test.runIf(fs.existsSync('/proc/self/stat'))('a process id that was used again is not taken for the holder', () => {
  const file = newImage()
  const lock = acquireImageLock(file)
  const holder: unknown = JSON.parse(fs.readFileSync(lock.path, 'utf8'))
  lock.release()
  // Process 1 lives, but it did not start at that time.
  fs.writeFileSync(lockPathOf(file), JSON.stringify({ ...(holder ?? {}), pid: 1, started: '1' }))
  acquireImageLock(file).release()
})

test('a lock of another machine, or one that cannot be read, is respected and named', () => {
  const file = newImage()
  fs.writeFileSync(lockPathOf(file), JSON.stringify({ pid: 999_999_999, started: '', thread: 0, host: 'elsewhere' }))
  expect(diskErrorOf(() => RawImage.open(file, 'write')).message).toContain('on elsewhere')
  fs.writeFileSync(lockPathOf(file), 'mine!')
  expect(diskErrorOf(() => RawImage.open(file, 'write')).message).toContain(`remove ${lockPathOf(file)}`)
  expect(fs.readFileSync(lockPathOf(file), 'utf8')).toBe('mine!')
})

test('another thread of this process is refused too; the lock of one that ended can be broken', async () => {
  const file = newImage()
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(workerScript(file))}`))
  const thread = worker.threadId
  await once(worker, 'message')
  expect(diskErrorOf(() => RawImage.open(file, 'write')).message).toContain('another run of this process')
  expect(() => refuseIfLocked(file)).toThrow('another run')
  await worker.terminate()
  expect(breakLockOfThread(file, thread + 1)).toBe(false)
  expect(breakLockOfThread(file, thread)).toBe(true)
  RawImage.open(file, 'write').close()
})

function workerScript(file: string): string {
  return `
    import { parentPort } from 'node:worker_threads'
    const { RawImage } = await import(${JSON.stringify(`file://${rawImageModule}`)})
    RawImage.open(${JSON.stringify(file)}, 'write')
    parentPort.postMessage('opened')
    setInterval(() => {}, 1000)
  `
}
