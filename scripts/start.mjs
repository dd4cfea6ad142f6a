// npm start: installs, builds, and runs the demo app with its upstream.
import { insist, install, run } from './run.mjs'

await install()
await insist('npm', ['run', '--silent', 'build:all'])
process.exit(await run('npm', ['start', '--silent', '-w', 'upstream']))
