/** Where the window was: kept in a file of the user's data, and used again only if it still lies on a screen. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { z } from 'zod'

const stateSchema = z.object({
  x: z.int().optional(),
  y: z.int().optional(),
  width: z.int().min(400).max(20000),
  height: z.int().min(300).max(20000),
  maximized: z.boolean(),
  /** The workspace that was open last. */
  workspace: z.string().nullable(),
  /** Workspaces that were open, the newest first; without the present one. */
  recent: z.array(z.string()).default([]),
})
export type WindowState = z.infer<typeof stateSchema>

interface Area {
  x: number
  y: number
  width: number
  height: number
}

const initial: WindowState = { width: 1440, height: 900, maximized: false, workspace: null, recent: [] }

/** The state kept in `file`, or the initial one; without a place if that is on none of the screens' work areas. */
export function readWindowState(file: string, areas: Area[]): WindowState {
  let state: WindowState
  try {
    state = stateSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return initial
  }
  const { x, y, width, height, maximized, workspace, recent } = state
  if (x !== undefined && y !== undefined && areas.some((area) => overlaps(area, { x, y, width, height }))) return state
  return { width, height, maximized, workspace, recent }
}

const RECENT_MAX = 8

/** The recent workspaces once `to` is open in place of `from`. */
export function recentWorkspaces(recent: readonly string[], from: string, to: string): string[] {
  return [from, ...recent].filter((folder, i, all) => folder !== to && all.indexOf(folder) === i).slice(0, RECENT_MAX)
}

/** Losing it does not matter: a full or read-only disk is no reason to fail at closing. */
export function writeWindowState(file: string, state: WindowState): void {
  try {
    writeFileSync(`${file}.new`, JSON.stringify(state))
    renameSync(`${file}.new`, file)
  } catch {
    return
  }
}

/** At least a hand's breadth of the window, so that it can be gripped. */
const graspable = 80
const overlaps = (area: Area, window: Area) =>
  Math.min(area.x + area.width, window.x + window.width) - Math.max(area.x, window.x) >= graspable &&
  Math.min(area.y + area.height, window.y + window.height) - Math.max(area.y, window.y) >= graspable
