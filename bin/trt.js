#!/usr/bin/env node
// The door to every command. Plain JavaScript, because its one job is to say which Node.js is needed to the one that
// cannot read TypeScript; `npm start` brings its own Node.js where the platform has a packaged one.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 24 || (major === 24 && minor < 12)) {
  process.stderr.write(
    `TRT needs Node.js 24.12 or later, and this is ${process.version}.\n` +
      'Run `npm ci` without leaving out packages: it brings one, and `npm start` and `npx trt` use it. ' +
      'Where there is none for your platform, install Node.js 24 LTS.\n',
  )
  process.exit(1)
}
await import('./fast-start.js')
await import('../src/main.ts')
