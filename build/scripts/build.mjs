// npm run build [-- renderer|electron]: builds what is missing or stale.
import { ensureBuilt, ensureInstalled } from './project.mjs'

ensureInstalled()
process.exit(ensureBuilt(process.argv.length > 2 ? process.argv.slice(2) : undefined) ? 0 : 1)
