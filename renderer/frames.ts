/**
 * What is done with the window's next frame, and what only after it: whoever computes for the window then does not take the processor from the frame. A page
 * that is hidden has no frames, and waits for none.
 */

/** Between an answer's being shown with a frame and that frame's end. */
let isInFrame = false

/** The next frame, in which what is changed is shown. */
export async function nextFrame(): Promise<void> {
  if (document.hidden) return
  await new Promise<void>((begun) => {
    requestAnimationFrame(() => {
      isInFrame = true
      setTimeout(() => (isInFrame = false))
      begun()
    })
  })
}

/** Calls `action` when the window has shown what has changed until now; several calls of what is returned are one before that. */
export function afterFrame(action: () => void): () => void {
  let isDue = false
  const act = (): void => {
    isDue = false
    action()
  }
  return () => {
    if (isDue) return
    isDue = true
    if (isInFrame || document.hidden) setTimeout(act)
    else requestAnimationFrame(() => setTimeout(act))
  }
}
