/** What images and their partitions hold, in words. */
import type { ImageContent, ImageInfo } from '../../electron/contract/contract.ts'
import { formatBytes } from '../format.ts'

const contentNames: Record<string, string> = {
  swap: 'swap space',
  ufs1: 'UFS1',
  ufs2: 'UFS2',
  iso9660: 'ISO 9660',
  ext: 'Linux ext',
}

export const isFileSystem = (content: ImageContent | null): boolean =>
  content?.kind === 'ufs1' || content?.kind === 'ufs2'

/** What a partition or a whole image holds; a free share where there is a file system. */
export function contentText(content: ImageContent, otherwise: string): string {
  const label = content.label === '' ? '' : ` “${content.label}”`
  const free =
    content.dataBytes === null || content.freeBytes === null
      ? ''
      : `, ${formatBytes(content.freeBytes)} of ${formatBytes(content.dataBytes)} free`
  const problem = content.problem === null ? '' : ` (${content.problem})`
  return `${contentNames[content.kind] ?? otherwise}${label}${free}${problem}`
}

export function partitionsText(image: ImageInfo): string {
  if (image.partitions.length > 0)
    return image.partitions.map((part) => `${part.index} ${contentText(part.content, part.typeName)}`).join('; ')
  return image.content === null ? 'whole image' : contentText(image.content, 'whole image')
}
