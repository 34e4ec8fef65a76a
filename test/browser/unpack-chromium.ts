import chromium from '@sparticuz/chromium'

/** Run by browser.ts as a process of its own: unpacks Chromium and its libraries into the temporary folder. */
await chromium.executablePath()
