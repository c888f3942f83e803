/** A command line as a person types it -> its words. */

/** Words are parted by spaces; quotes of either kind and a backslash keep a space. Nothing else that a shell does is done. */
export function splitWords(text: string): string[] {
  const words: string[] = []
  for (const [match] of text.matchAll(/(?:[^\s'"\\]|\\[\s\S]?|'[^']*'?|"(?:[^"\\]|\\[\s\S])*"?)+/g)) words.push(plain(match))
  return words
}

const plain = (word: string): string =>
  word.replace(/\\([\s\S]?)|'([^']*)'?|"((?:[^"\\]|\\[\s\S])*)"?/g, (_all, escaped?: string, single?: string, double?: string) =>
    escaped ?? single ?? (double ?? '').replace(/\\(["\\])/g, '$1'),
  )
