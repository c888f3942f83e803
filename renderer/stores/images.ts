/** Raw images that swap devices and files can be put on, and what is on them. */
import { defineStore } from 'pinia'
import type { ImageCheck, ImageFile, ImageInfo } from '../../electron/contract/contract.ts'
import { useConnection } from './connection.ts'
import { loadedList } from './lists.ts'

export const useImages = defineStore('images', () => {
  const connection = useConnection()
  const list = loadedList<ImageInfo>('images', () => connection.request('images.list', {}))
  const named = (name: string): ImageInfo | undefined => list.items.value.find((image) => image.name === name)

  async function create(name: string, sizeBytes: number): Promise<ImageInfo> {
    const image = await connection.request('images.create', { name, sizeBytes })
    await list.load()
    return image
  }
  async function add(path: string): Promise<ImageInfo> {
    const image = await connection.request('images.add', { path })
    await list.load()
    return image
  }
  async function remove(name: string, deleteFile: boolean): Promise<void> {
    await connection.request('images.remove', { name, deleteFile })
    await list.load()
  }
  const directory = (name: string, partition: number | null, path: string): Promise<ImageFile[]> => connection.request('images.directory', { name, partition, path })
  const check = (name: string, partition: number | null): Promise<ImageCheck> => connection.request('images.check', { name, partition })

  return { ...list, named, create, add, remove, directory, check }
})
