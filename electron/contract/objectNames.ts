/** What the objects of a run are called, from the answer to runs.objects: the store's own words. */
export { noNames, ObjectNames } from '../../db/objectNames.ts'
