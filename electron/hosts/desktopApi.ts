/**
 * What the preload puts into the window as `window.workbench`: frozen functions, and the names of the messages behind
 * them. Only plain data crosses (an Error would lose its code on the way): renderer/host/bridge.ts makes the contract's
 * HostBridge of it. Types and names only: the window imports this file.
 */
import type { ContractErrorShape } from '../contract/contract.ts'

/** What the menu asks the window to do. */
export type HostCommand =
  | { name: 'import-trace'; path: string }
  | { name: 'open-experiment'; fileName: string; text: string }
  | { name: 'new-experiment' }
  | { name: 'play' }
  | { name: 'pause' }
  | { name: 'stop' }
  | { name: 'step-reference' }
  | { name: 'step-fault' }
  | { name: 'step-io' }
  | { name: 'command-palette' }
  | { name: 'shortcuts' }
  | { name: 'show'; place: string }

export type DesktopAnswer = { result: unknown } | { error: ContractErrorShape }

export interface DesktopApi {
  request(method: string, params: unknown): Promise<DesktopAnswer>
  /** Every notice; answers a function that ends the subscription. */
  onNotice(listener: (name: string, data: unknown) => void): () => void
  onCommand(listener: (command: HostCommand) => void): () => void
  /** The file's own path; tells the host that a person gave it to the window. */
  pathOfFile(file: File): Promise<string>
  saveFile(
    name: string,
    mediaType: string,
    content: string | Uint8Array<ArrayBuffer>,
  ): Promise<{ saved: boolean } | { error: ContractErrorShape }>
}

/** Names of the messages between window and main process. */
export const channels = {
  request: 'workbench:request',
  notice: 'workbench:notice',
  command: 'workbench:command',
  grantPath: 'workbench:grant-path',
  saveFile: 'workbench:save-file',
} as const
