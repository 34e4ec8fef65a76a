import type { ReactNode } from 'react'
import type { InlineButton, Message } from '../api/schema.ts'
import { usePaneActions } from '../panes/actions.ts'
import { Album } from './album.tsx'
import './bubble.css'
import { InlineKeyboard } from './inline-keyboard.tsx'
import { InvoiceCard } from './invoice-card.tsx'
import { AudioTrack, FileCard, Photo, pictureWidth, RoundVideo, Video } from './media.tsx'
import { Meta, type Ticks } from './meta.tsx'
import { ReplyQuote } from './reply-quote.tsx'
import { RichText } from './rich-text.tsx'

interface BubbleProps {
  /** More than one: an album. */
  readonly messages: readonly [Message, ...Message[]]
  readonly first: boolean
  readonly last: boolean
  readonly ticks: Ticks | undefined
}

/** A message, or an album, of either side: what it shows, its text, time and ticks, and the keyboard below it. */
export function Bubble({ messages, first, last, ticks }: BubbleProps) {
  const { press } = usePaneActions()
  const [message] = messages
  const captioned = messages.find(({ caption }) => caption !== undefined) ?? message
  const keyboard =
    message.invoice === undefined ? message.reply_markup?.inline_keyboard : payKeyboard(message, message.invoice)
  const visual = isVisual(message)
  const captionAbove = message.show_caption_above_media === true
  const text = textOf(captioned)
  const emoji = isEmoji(message)
  const bare = emoji || (message.sticker ?? message.video_note) !== undefined
  const tailed = last && keyboard === undefined && !bare && !(visual && text === undefined)
  const meta = (
    <Meta message={messages.at(-1) ?? message} ticks={ticks} overlay={bare || (text === undefined && visual)} />
  )
  const caption = text !== undefined && (
    <div className={emoji ? 'bubble__emoji' : 'bubble__text'} dir="auto">
      <MessageText {...text} />
      {!(visual && captionAbove) && meta}
    </div>
  )

  return (
    <article
      className={classes('message', `message--${message.from}`, first && 'message--first', last && 'message--last')}
      data-message={message.message_id}
    >
      <div className="message__column" style={visual ? { width: columnWidth(messages) } : undefined}>
        <div
          className={classes(
            'bubble',
            visual && 'bubble--visual',
            keyboard !== undefined && 'bubble--keyed',
            tailed && 'bubble--tailed',
            bare && 'bubble--bare',
          )}
        >
          {message.reply_to_message_id !== undefined && <ReplyQuote to={message.reply_to_message_id} />}
          {captionAbove && caption}
          <Content messages={messages} />
          {!captionAbove && caption}
          <Reactions message={message} />
          {(text === undefined || (visual && captionAbove)) && meta}
          {tailed && <Tail />}
        </div>
        {keyboard !== undefined && <InlineKeyboard rows={keyboard} onPress={(button) => press(message, button)} />}
      </div>
    </article>
  )
}

function MessageText({ text, entities }: NonNullable<ReturnType<typeof textOf>>) {
  const { say } = usePaneActions()
  return <RichText text={text} entities={entities} onCommand={say} />
}

function textOf({ text, entities, caption, caption_entities }: Message) {
  if (text !== undefined) return { text, entities }
  return caption === undefined || caption === '' ? undefined : { text: caption, entities: caption_entities }
}

function Content({ messages }: { readonly messages: BubbleProps['messages'] }) {
  const [message] = messages
  if (messages.length > 1 && isVisual(message)) return <Album messages={messages} />
  if (messages.length > 1) return messages.map((one) => <Single key={one.message_id} message={one} />)
  return <Single message={message} />
}

function Single({ message }: { readonly message: Message }): ReactNode {
  const { photo, video, animation, audio, voice, video_note, sticker, document, invoice, text, caption } = message
  const hidden = message.has_spoiler === true || message.has_media_spoiler === true
  if (photo !== undefined) return <Photo media={photo} caption={caption} hidden={hidden} />
  if (animation !== undefined) return <Video media={animation} looping />
  if (video !== undefined) return <Video media={video} />
  if (audio !== undefined) return <AudioTrack media={audio} />
  if (voice !== undefined) return <AudioTrack media={voice} voice />
  if (video_note !== undefined) return <RoundVideo media={video_note} />
  if (sticker !== undefined) return <img className="sticker" src={sticker.url} alt="Sticker" />
  if (document !== undefined) return <FileCard media={document} />
  if (invoice !== undefined) return <InvoiceCard invoice={invoice} />
  if (text === undefined) return <p className="bubble__unknown">This kind of message is not shown here.</p>
  return null
}

/** An invoice always offers to pay: without a keyboard of its own it gets the usual button. */
function payKeyboard({ reply_markup }: Message, invoice: NonNullable<Message['invoice']>): readonly InlineButton[][] {
  const own = reply_markup?.inline_keyboard
  if (own !== undefined && own.length > 0) return own
  return [[{ text: `Pay ${invoice.currency === 'XTR' ? '⭐️' : invoice.currency} ${invoice.total_amount}`, pay: true }]]
}

/** One to three emoji and nothing else are shown large, without a bubble. */
const isEmoji = ({ text = '' }: Message) => /^\p{RGI_Emoji}{1,3}$/v.test(text)

function Reactions({ message: { reactions = [] } }: { readonly message: Message }) {
  if (reactions.length === 0) return null
  return (
    <div className="bubble__reactions">
      {reactions.map(({ emoji = '★' }) => (
        <span key={emoji}>{emoji}</span>
      ))}
    </div>
  )
}

const isVisual = ({ photo, video, animation }: Message) => (photo ?? video ?? animation) !== undefined

function columnWidth(messages: BubbleProps['messages']): string {
  if (messages.length > 1) return '430px'
  const [{ photo, video, animation }] = messages
  return pictureWidth(photo ?? video ?? animation)
}

function Tail() {
  return (
    <svg className="bubble__tail" aria-hidden="true" width="9" height="18" viewBox="0 0 9 18">
      <path d="M0 0c0 7.3 2.2 13.2 8.300 16.200.9.5.6 1.800-.4 1.800H0Z" />
    </svg>
  )
}

const classes = (...names: readonly (string | false)[]) => names.filter((name) => name !== false).join(' ')
