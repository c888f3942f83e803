/** Asks one thing at a time: what is asked for meanwhile is asked once more when the answer is there. */
export function oneAtATime(action: () => Promise<void>): () => void {
  let busy = false
  let again = false
  const begin = (): void => {
    if (busy) {
      again = true
      return
    }
    busy = true
    void action().finally(() => {
      busy = false
      if (again) {
        again = false
        begin()
      }
    })
  }
  return begin
}
