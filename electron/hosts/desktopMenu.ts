/** The native menu. Everything here can be done in the window too: the menu sends it a command. */
import type { MenuItemConstructorOptions } from 'electron'
import type { HostCommand } from './desktopApi.ts'

export interface MenuActions {
  command(command: HostCommand): void
  importTrace(): void
  openExperiment(): void
  openWorkspace(folder?: string): void
  showWorkspace(): void
  about(): void
}

const places = [
  ['Bench', 'bench'],
  ['Workloads', 'workloads'],
  ['Runs', 'runs'],
  ['Compare', 'compare'],
  ['Sweeps', 'sweeps'],
  ['Gallery', 'gallery'],
  ['Reports', 'reports'],
  ['Settings', 'settings'],
] as const

export function menuTemplate(
  actions: MenuActions,
  platform: NodeJS.Platform,
  development: boolean,
  recent: readonly string[] = [],
): MenuItemConstructorOptions[] {
  const item = (
    id: string,
    label: string,
    accelerator: string | undefined,
    click: () => void,
  ): MenuItemConstructorOptions => ({
    id,
    label,
    click,
    ...(accelerator === undefined ? {} : { accelerator }),
  })
  const separator: MenuItemConstructorOptions = { type: 'separator' }
  const run = (
    name: 'play' | 'pause' | 'stop' | 'step-reference' | 'step-fault' | 'step-io',
    label: string,
    accelerator: string,
  ) => item(name, label, accelerator, () => actions.command({ name }))
  return [
    ...(platform === 'darwin' ? [{ role: 'appMenu' } satisfies MenuItemConstructorOptions] : []),
    {
      label: '&File',
      submenu: [
        item('new-experiment', 'New Experiment', 'CmdOrCtrl+N', () => actions.command({ name: 'new-experiment' })),
        item('open-experiment', 'Open Experiment…', 'CmdOrCtrl+O', () => actions.openExperiment()),
        item('import-trace', 'Import Trace…', 'CmdOrCtrl+I', () => actions.importTrace()),
        separator,
        item('open-workspace', 'Open Workspace…', 'CmdOrCtrl+Shift+O', () => actions.openWorkspace()),
        {
          label: 'Open Recent',
          enabled: recent.length > 0,
          submenu: recent.map((folder, i) =>
            item(`recent-${i}`, folder, undefined, () => actions.openWorkspace(folder)),
          ),
        },
        item('show-workspace', 'Show Workspace Folder', undefined, () => actions.showWorkspace()),
        separator,
        platform === 'darwin' ? { role: 'close' } : { role: 'quit' },
      ],
    },
    { role: 'editMenu' },
    {
      label: '&View',
      submenu: [
        item('command-palette', 'Command Palette…', 'CmdOrCtrl+K', () => actions.command({ name: 'command-palette' })),
        separator,
        ...places.map(([label, place], i) =>
          item(`show-${place}`, label, `CmdOrCtrl+${i + 1}`, () => actions.command({ name: 'show', place })),
        ),
        separator,
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        ...(development ? [separator, { role: 'reload' } as const, { role: 'toggleDevTools' } as const] : []),
      ],
    },
    {
      label: '&Run',
      submenu: [
        run('play', 'Play', 'F5'),
        run('pause', 'Pause', 'F6'),
        run('stop', 'Stop', 'Shift+F5'),
        separator,
        run('step-reference', 'Step One Reference', 'F10'),
        run('step-fault', 'Step to the Next Fault', 'F11'),
        run('step-io', 'Step to the Next I/O', 'F12'),
      ],
    },
    {
      role: 'help',
      label: '&Help',
      submenu: [
        item('shortcuts', 'Keys', undefined, () => actions.command({ name: 'shortcuts' })),
        separator,
        item('about', 'About Pager Workbench', undefined, () => actions.about()),
      ],
    },
  ]
}
