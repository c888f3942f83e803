/** Every key that the window knows, by where it works: what the sheet of keys and the settings show. */
import { railPlaces } from './router.ts'

export interface Shortcut {
  keys: string[]
  does: string
}

export const shortcuts: { place: string; keys: Shortcut[] }[] = [
  {
    place: 'Everywhere',
    keys: [
      { keys: ['Ctrl K'], does: 'Command palette' },
      { keys: ['?'], does: 'This sheet' },
      { keys: ['Alt 1', '…', `Alt ${railPlaces.length}`], does: 'Places, in the order of the rail' },
      { keys: ['Tab', 'Shift Tab'], does: 'To the next control and back' },
    ],
  },
  {
    place: 'Bench',
    keys: [
      { keys: ['Ctrl ↵'], does: 'Run' },
      { keys: ['Ctrl S'], does: 'Save' },
      { keys: ['Ctrl Z', 'Ctrl Shift Z'], does: 'Undo, redo' },
    ],
  },
  {
    place: 'A run',
    keys: [
      { keys: ['Space'], does: 'Play and pause' },
      { keys: ['.', 'Shift .'], does: 'One step on, one step back' },
      { keys: ['m'], does: "The machine at the cursor's moment" },
      { keys: ['1', '…', '7'], does: 'Tabs' },
      { keys: ['/'], does: 'Filter events' },
    ],
  },
  { place: 'Runs', keys: [{ keys: ['/'], does: 'Filter the list' }] },
  {
    place: 'Charts and maps',
    keys: [
      { keys: ['←', '→'], does: 'Move the cursor; with Shift, the selection' },
      { keys: ['Home', 'End'], does: 'To the beginning and the end' },
      { keys: ['+', '-'], does: 'Zoom in and out' },
      { keys: ['↵'], does: 'Zoom to the selection' },
      { keys: ['Esc'], does: 'Drop the selection; go back a level' },
    ],
  },
  {
    place: 'Gallery',
    keys: [
      { keys: ['1', '…', '5'], does: 'Answer the question' },
      { keys: ['←', '→'], does: 'Presenting: previous and next experiment' },
      { keys: ['↵'], does: 'Presenting: show the result' },
      { keys: ['Esc'], does: 'Presenting: leave' },
    ],
  },
]
