/** Muted colours that tell owners of pages apart: processes, files, objects. Never used for events. */
export const owners = ['--own-1', '--own-2', '--own-3', '--own-4', '--own-5', '--own-6'] as const
