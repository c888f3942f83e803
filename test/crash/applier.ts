/**
 * Applies a kept overlay to its image and kills itself, as a power failure would, after so many pieces: `node applier.ts IMAGE OVERLAY
 * PIECES`. A number that is larger than there are pieces lets it end.
 */
import process from 'node:process'
import { Overlay } from '../../engine/disk/overlay.ts'
import { RawImage } from '../../engine/disk/rawImage.ts'

const [imagePath = '', overlayPath = '', pieces = ''] = process.argv.slice(2)
const image = RawImage.open(imagePath, 'write')
const overlay = Overlay.open(overlayPath, image)
let left = Number(pieces)
if (left === 0) {
  overlay.beginApplying(image)
  process.kill(process.pid, 'SIGKILL')
}
overlay.applyTo(image, () => {
  left -= 1
  if (left === 0) process.kill(process.pid, 'SIGKILL')
})
overlay.close()
image.close()
