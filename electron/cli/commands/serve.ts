/** pager serve: the workbench for a browser on this machine, or at the end of an ssh tunnel. */
import { serve as serveBrowser } from '../../hosts/serve.ts'
import { commonHelp, note, parse, UsageError, wholeNumber, workspaceOf, type Command } from '../command.ts'

export const serve: Command = {
  help: `
pager serve [options]

Opens the workspace for a browser and prints an address that works once. It listens on 127.0.0.1 only. Ctrl-C ends it;
runs that are under way are stopped and kept.

  --port N          the port; any free one where it is left out
  --allow-record    let pages have programs executed on this machine, with your rights, to record them
${commonHelp}`,

  async run(args) {
    const { values, positionals } = parse(args, {
      port: { type: 'string', default: '0' },
      'allow-record': { type: 'boolean', default: false },
    })
    if (positionals.length > 0) throw new UsageError(`"${positionals.join(' ')}" is too much`)
    const port = wholeNumber(values.port, '--port')
    if (port > 65535) throw new UsageError(`--port: ${port} is no port; they end at 65535`)
    return serveBrowser({
      workspace: workspaceOf(values.workspace),
      port,
      allowRecord: values['allow-record'],
      print: values.json ? note : console.log,
    })
  },
}
