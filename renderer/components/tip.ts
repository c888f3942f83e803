/**
 * What explains something on hover or focus: `v-tip="text"`, or several lines, or a function that makes them when they are wanted. One tooltip
 * (TipHost.vue) stands for all: a run's page explains some sixty things, and as many tooltips would be most of the work of every redraw.
 */
import { shallowRef, type Directive } from 'vue'

export type Tip = string | readonly string[] | (() => readonly string[])

/** What is explained now; null: nothing. */
export const explained = shallowRef<{ of: HTMLElement; lines: readonly string[] } | null>(null)
/** Of the one tooltip. */
export const TIP_ID = 'tip'

const DELAY_MS = 350
const tips = new WeakMap<HTMLElement, Tip>()
let timer: ReturnType<typeof setTimeout> | undefined
/** What was pressed, until pointer or focus leaves it: what it opens must not lie under its own explanation. */
let used: EventTarget | null = null

export function linesOf(tip: Tip | undefined): readonly string[] {
  const lines = typeof tip === 'function' ? tip() : typeof tip === 'string' ? [tip] : (tip ?? [])
  return lines.filter((line) => line !== '')
}

function explain(of: HTMLElement): void {
  const lines = linesOf(tips.get(of))
  if (lines.length === 0 || !of.isConnected) return
  of.setAttribute('aria-describedby', TIP_ID)
  explained.value = { of, lines }
}
export function explainNoMore(): void {
  clearTimeout(timer)
  explained.value?.of.removeAttribute('aria-describedby')
  explained.value = null
}
function enter({ currentTarget }: Event): void {
  clearTimeout(timer)
  if (currentTarget instanceof HTMLElement && currentTarget !== used) timer = setTimeout(() => explain(currentTarget), DELAY_MS)
}
function use({ currentTarget }: Event): void {
  explainNoMore()
  used = currentTarget
}
function leave({ currentTarget }: Event): void {
  clearTimeout(timer)
  used = null
  if (explained.value?.of === currentTarget) explainNoMore()
}

export const vTip: Directive<HTMLElement, Tip> = {
  mounted(element, { value }) {
    tips.set(element, value)
    element.addEventListener('pointerenter', enter)
    element.addEventListener('focusin', enter)
    element.addEventListener('pointerdown', use)
    element.addEventListener('keydown', use)
    element.addEventListener('pointerleave', leave)
    element.addEventListener('focusout', leave)
  },
  updated(element, { value }) {
    tips.set(element, value)
  },
  beforeUnmount(element) {
    if (explained.value?.of === element) explainNoMore()
  },
}
