/** How runs say why they ended, where somebody else has to recognise it. */

const DISK_FULL = 'The disk is full: '

export const diskFullProblem = (message: string): string => DISK_FULL + message

export const isDiskFullProblem = (problem: string | null): boolean => problem?.startsWith(DISK_FULL) ?? false
