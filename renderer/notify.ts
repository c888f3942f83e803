/** Messages, questions and confirmations: the few sentences that appear over the window. */
import { ElMessage } from 'element-plus/es/components/message/index'
import { ElMessageBox } from 'element-plus/es/components/message-box/index'
import { z } from 'zod'

const valueSchema = z.object({ value: z.string() })

/** What went wrong, as a sentence. */
export function problemText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Says that something failed; stays until it is closed, since it may have to be acted on. */
export function notifyProblem(error: unknown, what = ''): void {
  const text = problemText(error)
  ElMessage({ message: what === '' ? text : `${what}: ${text}`, type: 'error', duration: 10_000, showClose: true, grouping: true })
}

export function notifyDone(text: string): void {
  ElMessage({ message: text, type: 'success', duration: 2500, grouping: true })
}

/** Runs something and says so if it fails. Answers whether it worked. */
export async function attempt(what: string, action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action()
    return true
  } catch (error) {
    notifyProblem(error, what)
    return false
  }
}

/** Asks before something that cannot be undone. */
export async function confirmRemoval(title: string, text: string, button = 'Delete'): Promise<boolean> {
  try {
    await ElMessageBox.confirm(text, title, { confirmButtonText: button, cancelButtonText: 'Cancel', confirmButtonClass: 'danger-button', autofocus: false })
    return true
  } catch {
    return false
  }
}

/** Asks for a name; null if it was cancelled. */
export async function askName(title: string, value: string): Promise<string | null> {
  try {
    const answer = await ElMessageBox.prompt('', title, {
      inputValue: value,
      confirmButtonText: 'Rename',
      cancelButtonText: 'Cancel',
      inputValidator: (text) => (text.trim() === '' ? 'A name is needed' : true),
    })
    return valueSchema.parse(answer).value.trim()
  } catch {
    return null
  }
}
