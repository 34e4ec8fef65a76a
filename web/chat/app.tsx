import { useState } from 'react'
import './app.css'
import type { PaneActions, Viewed } from './panes/actions.ts'
import { ChatPane } from './panes/chat-pane.tsx'
import { Sidebar } from './panes/sidebar.tsx'
import { NoBots, Welcome } from './panes/welcome.tsx'
import { Viewer } from './parts/viewer.tsx'
import { panesMax, usePlace } from './state/place.ts'
import { useWorld } from './state/sandbox.tsx'

/** The page: people on the left, and the chats of one or two of them with the chosen bot. */
export function App() {
  const { people, bots, loaded, online } = useWorld()
  const [place, go] = usePlace()
  const [viewed, setViewed] = useState<{ readonly pictures: readonly Viewed[]; readonly index: number }>()
  const bot = bots.find(({ id }) => id === place.bot) ?? bots[0]
  const open = place.people.flatMap((id) => people.find((person) => person.id === id) ?? [])
  const openIds = open.map(({ id }) => id)
  const view: PaneActions['view'] = (pictures, index) => setViewed({ pictures, index })
  const show = (ids: readonly number[]) => go({ bot: place.bot, people: ids })

  if (!loaded)
    return <main className="app app--empty">{!online && <p className="offline">Waiting for the sandbox…</p>}</main>
  if (bot === undefined) return <NoBots />
  if (people.length === 0) return <Welcome bot={bot} onOpen={(id) => show([id])} />
  return (
    <main className={open.length > 0 ? 'app app--chatting' : 'app'}>
      <Sidebar
        bots={bots}
        bot={bot}
        people={people}
        openIds={openIds}
        online={online}
        onBot={(id) => go({ bot: id, people: place.people })}
        onOpen={(id) => show([id, ...openIds.slice(1).filter((other) => other !== id)])}
        onOpenBeside={(id) => show([...openIds.filter((other) => other !== id).slice(0, panesMax - 1), id])}
      />
      <div className="app__panes">
        {open.map((person) => (
          <ChatPane
            key={person.id}
            bot={bot}
            person={person}
            view={view}
            beside={open.length > 1}
            onBack={() => show([])}
            onClose={() => show(openIds.filter((id) => id !== person.id))}
          />
        ))}
        {open.length === 0 && (
          <div className="app__nobody">
            <p>Choose who you want to be</p>
          </div>
        )}
      </div>
      {viewed !== undefined && <Viewer {...viewed} onClose={() => setViewed(undefined)} />}
    </main>
  )
}
