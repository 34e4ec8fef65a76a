import { useMemo, useRef, useState } from 'react'
import type { ChatOf } from '../api/client.ts'
import type { Bot, InlineButton, Message, Person } from '../api/schema.ts'
import { safe } from '../messages/entity-tree.ts'
import { Alert } from '../parts/alert.tsx'
import { LinkQuestion } from '../parts/link-question.tsx'
import { useToast } from '../parts/toast.tsx'
import { sentence } from '../state/chat-store.ts'
import { useChat, useSandbox } from '../state/sandbox.tsx'
import { type PaneActions, PaneActionsContext } from './actions.ts'
import { ChatHeader } from './chat-header.tsx'
import './chat-pane.css'
import { Composer } from './composer.tsx'
import { DropZone } from './drop-zone.tsx'
import { FileSheet } from './file-sheet.tsx'
import { InvoiceSheet } from './invoice-sheet.tsx'
import { MessageList } from './message-list.tsx'

interface ChatPaneProps {
  readonly bot: Bot
  readonly person: Person
  readonly view: PaneActions['view']
  /** Several panes stand side by side, so each says whose it is and can be closed. */
  readonly beside: boolean
  readonly onBack: () => void
  readonly onClose: () => void
}

/** What lies over the chat and has to be answered first. */
type Over =
  | { readonly kind: 'alert'; readonly text: string }
  | { readonly kind: 'link'; readonly url: string }
  | { readonly kind: 'invoice'; readonly message: Message }
  | { readonly kind: 'files'; readonly files: readonly File[]; readonly asDocuments: boolean }

/** Telegram stops waiting for the answer to a tap about now. */
const tapWaitMs = 15_000

/** One person's chat with one bot: a whole little Telegram of its own. */
export function ChatPane({ bot, person, view, beside, onBack, onClose }: ChatPaneProps) {
  const { api, feed } = useSandbox()
  const chat = useMemo<ChatOf>(() => ({ bot: bot.id, person: person.id }), [bot.id, person.id])
  const { store, loaded, messages, outgoing, blocked, action } = useChat(chat)
  const [over, setOver] = useState<Over>()
  const { toast, showToast } = useToast()
  const returnFocus = useRef<Element>(null)

  const open = (next: Over) => {
    returnFocus.current = document.activeElement
    setOver(next)
  }
  const close = () => {
    setOver(undefined)
    const before = returnFocus.current
    // After the next drawing: until then what lies below is inert and takes no focus.
    if (before instanceof HTMLElement) requestAnimationFrame(() => before.focus())
  }

  async function tap(message: Message, data: string): Promise<void> {
    const { callback_query_id } = await api.tap(chat, { message_id: message.message_id, data })
    const answer = await feed.answerTo(callback_query_id, tapWaitMs)
    if (answer?.url !== undefined) open({ kind: 'link', url: answer.url })
    if (answer?.text === undefined || answer.text === '') return
    if (answer.show_alert === true) open({ kind: 'alert', text: answer.text })
    else showToast(answer.text)
  }

  async function press(message: Message, button: InlineButton): Promise<void> {
    // The answer to the press before is over.
    showToast('')
    try {
      if (button.pay === true) open({ kind: 'invoice', message })
      else if (button.callback_data !== undefined) await tap(message, button.callback_data)
      else if (button.url !== undefined) openLink(button.url)
      else if (button.copy_text !== undefined) {
        await navigator.clipboard.writeText(button.copy_text.text)
        showToast('Copied')
      } else showToast('The sandbox does not open this kind of button.')
    } catch (error) {
      showToast(sentence(error))
    }
  }

  function openLink(url: string): void {
    const target = safe(url)
    if (target === undefined) showToast('This link cannot be opened.')
    else open({ kind: 'link', url: target })
  }

  async function unblock(): Promise<void> {
    await api.unblock(chat).catch((error: unknown) => showToast(sentence(error)))
  }

  const empty = loaded && messages.length === 0 && outgoing.length === 0
  const actions: PaneActions = {
    chat,
    botName: bot.first_name,
    find: (messageId) => messages.find(({ message_id }) => message_id === messageId),
    say: (text) => store.say(text),
    press,
    view,
  }

  return (
    <PaneActionsContext value={actions}>
      <section className="pane" aria-label={`${person.first_name}’s chat with ${bot.first_name}`} data-testid="pane">
        <DropZone onDrop={(files, asDocuments) => open({ kind: 'files', files, asDocuments })}>
          <div className="pane__chat" inert={over !== undefined}>
            <ChatHeader
              bot={bot}
              person={person}
              action={action}
              blocked={blocked}
              beside={beside}
              onBack={onBack}
              onClose={onClose}
              onNotice={showToast}
            />
            <MessageList
              key={`${chat.bot}:${chat.person}`}
              bot={bot}
              person={person}
              loaded={loaded}
              messages={messages}
              outgoing={outgoing}
              onSeen={() => store.markRead()}
              onDismiss={(key) => store.dismiss(key)}
            />
            {blocked ? (
              <BigButton text="Unblock" onPress={() => void unblock()} />
            ) : empty ? (
              <BigButton text="Start" onPress={() => store.say('/start')} />
            ) : (
              <Composer
                bot={bot}
                person={person}
                messages={messages}
                onSay={(text) => store.say(text)}
                onFiles={(files, asDocuments) => open({ kind: 'files', files, asDocuments })}
              />
            )}
          </div>
        </DropZone>
        {toast}
        {over?.kind === 'alert' && <Alert title={bot.first_name} text={over.text} onClose={close} />}
        {over?.kind === 'link' && <LinkQuestion url={over.url} onClose={close} />}
        {over?.kind === 'invoice' && (
          <InvoiceSheet bot={bot} chat={chat} message={over.message} onClose={close} onNotice={showToast} />
        )}
        {over?.kind === 'files' && (
          <FileSheet
            files={over.files}
            asDocuments={over.asDocuments}
            onSend={(kind, file, caption) => store.sendFile(kind, file, caption)}
            onClose={close}
          />
        )}
      </section>
    </PaneActionsContext>
  )
}

/** In place of the text field, where there is just one thing to do. */
function BigButton({ text, onPress }: { readonly text: string; readonly onPress: () => void }) {
  return (
    <footer className="start">
      <button type="button" className="start__button" onClick={onPress}>
        {text}
      </button>
    </footer>
  )
}
