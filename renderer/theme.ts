/** Light, dark, or as the system has it. The tokens do the rest (styles/tokens.css). */
import { ref, watch } from 'vue'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const storageKey = 'pager-workbench.theme'
const isTheme = (text: string | null): text is Theme => themes.some((theme) => theme === text)

function stored(): Theme {
  try {
    const text = window.localStorage.getItem(storageKey)
    return isTheme(text) ? text : 'system'
  } catch {
    return 'system'
  }
}

/** What was chosen. */
export const theme = ref<Theme>('system')
/** What is shown: charts and maps read their colours again when it changes. */
export const shownTheme = ref<'light' | 'dark'>('light')

export function startTheme(): void {
  const dark = window.matchMedia('(prefers-color-scheme: dark)')
  const apply = () => {
    const shown = theme.value === 'system' ? (dark.matches ? 'dark' : 'light') : theme.value
    document.documentElement.dataset.theme = shown
    known.clear()
    shownTheme.value = shown
  }
  theme.value = stored()
  dark.addEventListener('change', apply)
  watch(
    theme,
    (chosen) => {
      try {
        window.localStorage.setItem(storageKey, chosen)
      } catch {
        // a window that may not store anything starts with the system's theme next time
      }
      apply()
    },
    { immediate: true, flush: 'sync' },
  )
}

const known = new Map<string, string>()

/**
 * The present value of a custom property such as "--ev-fault"; `#rgb` text that a canvas takes. Kept until the theme
 * changes: charts ask for dozens at every draw, and the browser would work out the page's styles for each.
 */
export function token(name: string): string {
  let value = known.get(name)
  if (value === undefined) {
    value = getComputedStyle(document.documentElement).getPropertyValue(name).trim()
    known.set(name, value)
  }
  return value
}
