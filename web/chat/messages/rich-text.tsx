import { Fragment, type ReactNode, useState } from 'react'
import { Icon } from '../../shared/icons.tsx'
import type { Entity } from '../api/schema.ts'
import { linkTarget, type Span, spansOf } from './entity-tree.ts'
import './rich-text.css'

interface RichTextProps {
  readonly text: string
  readonly entities: readonly Entity[] | undefined
  /** A tap on /command sends it. */
  readonly onCommand: (command: string) => void
}

/** A message text with its entities. Text is only ever text: nothing in it is read as HTML. */
export function RichText({ text, entities, onCommand }: RichTextProps) {
  return <Spans spans={spansOf(text, entities)} onCommand={onCommand} />
}

function Spans({ spans, onCommand }: { readonly spans: readonly Span[]; readonly onCommand: (text: string) => void }) {
  return spans.map((span, index) => {
    // Spans have no identity but their place: a changed text is drawn anew.
    const key = `${index}`
    if ('text' in span)
      return <Fragment key={key}>{isBlock(spans[index - 1]) ? afterBlock(span.text) : span.text}</Fragment>
    return (
      <Marked key={key} entity={span.entity} shown={plain(span)} onCommand={onCommand}>
        <Spans spans={span.parts} onCommand={onCommand} />
      </Marked>
    )
  })
}

interface MarkedProps {
  readonly entity: Entity
  readonly shown: string
  readonly onCommand: (text: string) => void
  readonly children: ReactNode
}

function Marked({ entity, shown, onCommand, children }: MarkedProps) {
  switch (entity.type) {
    case 'bold':
      return <strong>{children}</strong>
    case 'italic':
      return <em>{children}</em>
    case 'underline':
      return <u>{children}</u>
    case 'strikethrough':
      return <s>{children}</s>
    case 'code':
      return <code className="code">{children}</code>
    case 'pre':
      return <CodeBlock language={entity.language} text={shown} />
    case 'spoiler':
      return <Spoiler>{children}</Spoiler>
    case 'blockquote':
      return <blockquote className="quote">{children}</blockquote>
    case 'expandable_blockquote':
      return <LongQuote>{children}</LongQuote>
    case 'bot_command':
      return (
        <button type="button" className="link" onClick={() => onCommand(shown)}>
          {children}
        </button>
      )
    case 'mention':
    case 'text_mention':
    case 'hashtag':
    case 'cashtag':
      return <span className="link">{children}</span>
    default: {
      const target = linkTarget(entity, shown)
      if (target === undefined) return children
      return (
        <a className="link" href={target} target="_blank" rel="noopener noreferrer">
          {children}
        </a>
      )
    }
  }
}

function CodeBlock({ language, text }: { readonly language: string | undefined; readonly text: string }) {
  const [copied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard?.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), 1500)
  }
  return (
    <figure className="code-block">
      <figcaption>
        <span>{language ?? 'code'}</span>
        <button type="button" aria-label="Copy the code" onClick={() => void copy()}>
          <Icon name={copied ? 'tick' : 'copy'} size={16} />
        </button>
      </figcaption>
      <pre>{text}</pre>
    </figure>
  )
}

function Spoiler({ children }: { readonly children: ReactNode }) {
  const [open, setOpen] = useState(false)
  if (open) return <span className="spoiler-open">{children}</span>
  return (
    <button type="button" className="spoiler" aria-label="Show the hidden text" onClick={() => setOpen(true)}>
      <span aria-hidden="true">{children}</span>
    </button>
  )
}

function LongQuote({ children }: { readonly children: ReactNode }) {
  const [open, setOpen] = useState(false)
  return (
    <blockquote className={open ? 'quote' : 'quote quote--folded'}>
      {children}
      <button type="button" className="quote__fold" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? 'Less' : 'More'}
      </button>
    </blockquote>
  )
}

const blocks = new Set(['pre', 'blockquote', 'expandable_blockquote'])

function isBlock(span: Span | undefined): boolean {
  return span !== undefined && 'entity' in span && blocks.has(span.entity.type)
}

/** A block ends its own line, so the line break behind it would leave an empty one. */
const afterBlock = (text: string) => text.replace(/^\n/, '')

function plain(span: Span): string {
  return 'text' in span ? span.text : span.parts.map(plain).join('')
}
