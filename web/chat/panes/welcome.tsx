import type { Bot } from '../api/schema.ts'
import { PersonForm } from '../parts/person-form.tsx'
import { Plane } from '../parts/plane.tsx'
import { useSandbox } from '../state/sandbox.tsx'
import './welcome.css'

/** The first visit: nobody lives here yet, so the page asks who is going to talk to the bot. */
export function Welcome({ bot, onOpen }: { readonly bot: Bot; readonly onOpen: (person: number) => void }) {
  const { api, world } = useSandbox()
  return (
    <main className="welcome">
      <div className="welcome__card">
        <Plane />
        <h1>Chat with {bot.first_name}</h1>
        <p>A whole Telegram on this machine, and Stars cost nothing here. Who are you?</p>
        <PersonForm
          action="Open chat"
          onSubmit={async (details) => {
            const { id } = await api.addPerson(details)
            await world.refresh()
            onOpen(id)
          }}
        />
      </div>
    </main>
  )
}

/** No bot has called the sandbox yet: how to make one come. */
export function NoBots() {
  return (
    <main className="welcome">
      <div className="welcome__card">
        <Plane />
        <h1>Waiting for a bot</h1>
        <p>Point any bot, in any language, at this API root. With its first call it appears here by itself.</p>
        <code className="welcome__root">{`${location.origin}/telegram`}</code>
        <p className="welcome__hint">Any well-formed token will do.</p>
      </div>
    </main>
  )
}
