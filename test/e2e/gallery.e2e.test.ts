/** The gallery as a person has it: a question, an answer, runs that are made for it, figures, and the presenter's screen. */
import { describe, expect, test } from 'vitest'
import { windowTest } from '../harness/windowTest.ts'

const { at, go, page, says, seriousFaults, setTheme } = windowTest()

describe('the gallery', () => {
  test('hides the result until the question is answered, then runs the experiment', async () => {
    await go('gallery/livelock')
    await at('gallery-cover').waitFor()
    expect(await at('gallery-figure').count()).toBe(0)
    await page().keyboard.press('3')
    await at('gallery-figure').waitFor()
    expect(await at('gallery-choice-2').innerText()).toContain('Right.')
    expect(await at('gallery-row-kernel').innerText()).toContain('Livelock')
    expect(await at('gallery-row-repaired').innerText()).toContain('2,004')
    const claims = at('gallery-claims').locator('li')
    expect(await claims.count()).toBe(4)
    expect(await at('gallery-claims').locator('.failed').count()).toBe(0)
    await at('gallery-chart').waitFor()
  })

  test('a result is there again after the window was closed, and no run is made anew', async () => {
    await page().reload()
    await at('gallery-figure').waitFor()
    await go('runs')
    await expect.poll(() => page().locator('main').innerText()).toContain("The allocator's livelock: Repaired")
    expect((await page().locator('main').innerText()).split("The allocator's livelock: Repaired").length - 1).toBe(1)
  })

  test('an experiment goes to the bench as it is', async () => {
    await go('gallery/livelock')
    await at('gallery-bench').click()
    await expect.poll(() => at('experiment-name').inputValue()).toBe("The allocator's livelock: As in the kernel")
  })

  test('the presenter goes from one to the next and shows results with the keyboard', async () => {
    await go('gallery/rescued-by-swapon')
    await at('gallery-present').click()
    await at('gallery-stage').waitFor()
    await page().keyboard.press('ArrowRight')
    await says('gallery-stage').toContain('Holes in a file')
    await page().keyboard.press('Enter')
    await at('gallery-stage').locator('[data-test="gallery-figure"]').waitFor()
    await page().keyboard.press('Escape')
    await at('gallery-stage').waitFor({ state: 'detached' })
    await at('gallery-holes').waitFor()
  })
})

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test('nothing serious stands in the way of anybody, before and after the result', async () => {
    await setTheme(theme)
    for (const place of ['gallery/holes', 'gallery/devices']) {
      await go(place)
      expect([place, ...(await seriousFaults())]).toEqual([place])
    }
  })
})
