import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import '../shared/page.css'
import { App } from './app.tsx'
import { connectSandbox, SandboxProvider } from './state/sandbox.tsx'

const root = document.getElementById('app')
if (root === null) throw new Error('index.html has no #app')

createRoot(root).render(
  <StrictMode>
    <SandboxProvider line={connectSandbox('/sandbox/v1')}>
      <App />
    </SandboxProvider>
  </StrictMode>,
)
