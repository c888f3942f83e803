/** What a dialog does when it is confirmed: once at a time, and what went wrong is said where it was typed. */
import { ref, type Ref } from 'vue'
import { problemText } from '../notify.ts'

export interface Submission {
  /** What went wrong the last time, empty: nothing. */
  problem: Ref<string>
  busy: Ref<boolean>
  /** Does nothing while the last call is not over. */
  submit: (work: () => Promise<void>) => Promise<void>
}

export function useSubmission(): Submission {
  const problem = ref('')
  const busy = ref(false)
  return {
    problem,
    busy,
    submit: async (work) => {
      if (busy.value) return
      busy.value = true
      problem.value = ''
      try {
        await work()
      } catch (error) {
        problem.value = problemText(error)
      } finally {
        busy.value = false
      }
    },
  }
}
