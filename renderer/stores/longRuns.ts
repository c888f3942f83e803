/**
 * A word from the system when a long run ends while the window is not looked at. On the desktop it is on unless somebody wants none of it; in a browser it
 * has to be switched on, since the browser asks for its own permission.
 */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { hashOf } from '../router.ts'
import { useConnection } from './connection.ts'
import { statusTexts, useRuns } from './runs.ts'

/** Whoever waits for less is still there. */
const LONG_SECONDS = 10

const storageKey = 'pager-workbench.notify'

function stored(): string | null {
  try {
    return window.localStorage.getItem(storageKey)
  } catch {
    return null
  }
}

export const useLongRuns = defineStore('longRuns', () => {
  const connection = useConnection()
  const enabled = ref(false)
  /** The browser was told never to ask. */
  const refused = ref(false)
  const seconds = new Map<number, number>()

  const isKnown = (): boolean => 'Notification' in window

  async function setEnabled(wanted: boolean): Promise<void> {
    let allowed = wanted && isKnown()
    if (allowed && Notification.permission !== 'granted')
      allowed = (await Notification.requestPermission()) === 'granted'
    refused.value = wanted && !allowed
    enabled.value = allowed
    try {
      window.localStorage.setItem(storageKey, allowed ? 'on' : 'off')
    } catch {
      // it is as it is by default the next time
    }
  }

  function follow(): void {
    const choice = stored() ?? (connection.host().host === 'desktop' ? 'on' : 'off')
    enabled.value = choice === 'on' && isKnown() && Notification.permission === 'granted'
    connection.on('run.progress', ({ run, wallSeconds }) => {
      seconds.set(run, wallSeconds)
    })
    connection.on('run.ended', ({ run, status, problem }) => {
      const took = seconds.get(run) ?? 0
      seconds.delete(run)
      if (!enabled.value || took < LONG_SECONDS || document.hasFocus()) return
      const name = useRuns().newest.find((each) => each.id === run)?.name ?? `Run ${run}`
      const notification = new Notification(`${statusTexts[status]}: ${name}`, {
        body: problem ?? `It took ${Math.round(took)} seconds.`,
        tag: `run-${run}`,
      })
      notification.onclick = () => {
        window.focus()
        window.location.hash = hashOf('runs', [run])
      }
    })
  }

  return { enabled, refused, setEnabled, follow }
})
