// npm run check: everything that a machine can say about the code without running it.
import { run } from './run.mjs'

const CHECKS = [
  [
    'types of the package',
    'tsc',
    ['-p', 'tsconfig.build.json', '--noEmit', '--emitDeclarationOnly', 'false'],
  ],
  ['build', 'npm', ['run', '--silent', 'build']],
  ['types of tests and scripts', 'tsc', ['-p', 'tsconfig.json']],
  ['types of the upstream', 'tsc', ['-p', 'examples/upstream']],
  ['types of the demo app', 'tsc', ['-p', 'examples/card-everything']],
  ['types of the quick start', 'tsc', ['-p', 'examples/quick-start']],
  ['lint and format', 'biome', ['check', '--error-on-warnings']],
  ['layers', 'depcruise', ['src', '--config', '.dependency-cruiser.cjs']],
  ['dead code', 'knip', []],
  ['package', 'publint', ['--strict']],
  [
    'package types',
    'attw',
    ['--pack', '.', '--profile', 'esm-only', '--exclude-entrypoints', './rollout.schema.json'],
  ],
  ['size of the doors', 'size-limit', ['--silent']],
  ['size of the boot load', 'node', ['scripts/sizes.mjs']],
]

const failed = []
for (const [name, command, args] of CHECKS) {
  console.log(`\n== ${name}`)
  if ((await run(command, args)) !== 0) failed.push(name)
}
console.log(failed.length === 0 ? '\nEvery check passed.' : `\nFailed: ${failed.join(', ')}`)
process.exit(failed.length === 0 ? 0 : 1)
