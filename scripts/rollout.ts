import { runRollout } from './rollout/command.js'

process.exitCode = await runRollout(process.argv.slice(2), (line) => console.log(line))
