/** The engine's version, which every run records: that of the package. */
import packageJson from '../../package.json' with { type: 'json' }

export const engineVersion = packageJson.version
