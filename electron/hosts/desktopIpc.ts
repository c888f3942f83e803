/**
 * Every message of a window passes here. The sender must be the main frame of a window of ours, showing a page of ours;
 * what it asks is checked by the contract before the workbench sees it.
 */
import type { IpcMain, IpcMainInvokeEvent, WebContents } from 'electron'
import { notices, type NoticeName, type WorkbenchClient } from '../contract/contract.ts'
import { channels, type HostCommand } from './desktopApi.ts'
import { answerRequest, errorShape, type Answer, type ConfirmProgram } from './dispatch.ts'
import type { PathGrants } from './pathGrants.ts'

export interface DesktopIpcOptions {
  ipcMain: Pick<IpcMain, 'handle'>
  grants: PathGrants
  /** The open workspace's workbench; another one after the workspace was changed. */
  workbench: () => WorkbenchClient
  /** Asks where to, and writes; false if the person declined. */
  saveFile: (name: string, mediaType: string, content: string | Uint8Array) => Promise<boolean>
  /** Asks the person, outside the window, whether a program may be executed. */
  confirmProgram: ConfirmProgram
  /** Whether a page may speak at all, by its address. */
  ownsPage: (url: string) => boolean
}

export class DesktopIpc {
  readonly #windows = new Set<WebContents>()
  readonly #options: DesktopIpcOptions
  #subscriptions: (() => void)[] = []

  constructor(options: DesktopIpcOptions) {
    this.#options = options
    const { ipcMain, grants, workbench, saveFile, confirmProgram } = options
    const handle = (channel: string, answer: (...args: unknown[]) => Promise<unknown>) =>
      ipcMain.handle(channel, (event, ...args: unknown[]): Promise<unknown> =>
        this.#trusts(event)
          ? answer(...args)
          : Promise.resolve({ error: { code: 'foreign-sender', message: 'only the workbench window may ask' } }),
      )
    handle(channels.request, (method, params): Promise<Answer> =>
      answerRequest(workbench(), grants, method, params, confirmProgram),
    )
    handle(channels.grantPath, (file) => {
      if (typeof file === 'string' && file !== '') grants.grant(file)
      return Promise.resolve()
    })
    handle(channels.saveFile, async (name, mediaType, content) => {
      if (typeof name !== 'string' || typeof mediaType !== 'string' || !(typeof content === 'string' || content instanceof Uint8Array))
        return { error: { code: 'bad-params', message: 'a file wants a name, a media type and its content' } }
      try {
        return { saved: await saveFile(name, mediaType, content) }
      } catch (error) {
        return { error: errorShape(error) }
      }
    })
  }

  /** Lets a window speak and hear, until it is destroyed. */
  attach(contents: WebContents): void {
    this.#windows.add(contents)
    contents.once('destroyed', () => this.#windows.delete(contents))
  }

  /** Hears the workbench that is open now; to be called again after it was changed. */
  listen(): void {
    for (const end of this.#subscriptions) end()
    const workbench = this.#options.workbench()
    this.#subscriptions = noticeNames.map((name) =>
      workbench.on(name, (data) => this.#broadcast(channels.notice, name, data)),
    )
  }

  command(command: HostCommand): void {
    this.#broadcast(channels.command, command)
  }

  #broadcast(channel: string, ...args: unknown[]): void {
    for (const contents of this.#windows) if (!contents.isDestroyed()) contents.send(channel, ...args)
  }

  #trusts(event: IpcMainInvokeEvent): boolean {
    const frame = event.senderFrame
    return (
      this.#windows.has(event.sender) &&
      frame !== null &&
      frame === event.sender.mainFrame &&
      this.#options.ownsPage(frame.url)
    )
  }
}

const noticeNames = Object.keys(notices).filter((name): name is NoticeName => Object.hasOwn(notices, name))
