/** Menus of buttons. One that a pointer opened leaves the keyboard at its button, where the library does not hear Escape. */

/** Closes the menu that is open; false if none is. */
export function closeOpenMenu(): boolean {
  const open = [...document.querySelectorAll('[role="menu"]')].find((menu) => menu.getClientRects().length > 0)
  const button = document.getElementById(open?.getAttribute('aria-labelledby') ?? '')
  button?.click()
  return button !== null
}
