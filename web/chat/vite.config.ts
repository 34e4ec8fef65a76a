import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/**
 * The chat page. `web/build.ts` builds it with this file; for work on the page itself, `npx vite web/chat` serves it
 * with hot reload and passes the sandbox's routes on to a running one (`SANDBOX_URL`, by default the usual port).
 */
const sandbox = process.env['SANDBOX_URL'] ?? 'http://127.0.0.1:10001'

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  plugins: [react()],
  build: { target: 'es2023', modulePreload: { polyfill: false }, chunkSizeWarningLimit: 1000 },
  server: {
    // The sandbox refuses other origins, so the requests passed on come from its own.
    proxy: Object.fromEntries(
      ['/sandbox', '/telegram', '/kie'].map((path) => [
        path,
        { target: sandbox, changeOrigin: true, headers: { origin: sandbox } },
      ]),
    ),
  },
})
