import { useEffect, useRef, useState } from 'react'
import { durationOf, sizeOf } from '../../shared/format.ts'
import { Icon } from '../../shared/icons.tsx'
import type { Media } from '../api/schema.ts'
import { usePaneActions } from '../panes/actions.ts'
import './media.css'

declare module 'react' {
  interface CSSProperties {
    /** How far the line of a track is filled. */
    '--played'?: string
  }
}

const sideMax = 430
const sideMin = 220

/** Of the height of the window: so much that a picture, its caption and its buttons are seen together. */
const heightMax = 48

/** How wide a picture stands in the chat: inside a square of 430 px, not too high, and never a mere stripe. */
export function pictureWidth(media: Media | undefined): string {
  const { width = sideMax, height = sideMax } = media ?? {}
  if (width <= 0 || height <= 0) return `${sideMax}px`
  const scale = Math.min(sideMax / width, sideMax / height, Math.max(1, sideMin / width))
  return `max(${sideMin}px, min(${Math.round(width * scale)}px, ${Math.round((heightMax * width) / height)}dvh))`
}

const ratioOf = ({ width, height }: Media) => (width && height ? `${width} / ${height}` : undefined)

interface PhotoProps {
  readonly media: Media
  readonly caption?: string | undefined
  readonly hidden?: boolean
}

export function Photo({ media, caption, hidden = false }: PhotoProps) {
  const { view } = usePaneActions()
  const [covered, setCovered] = useState(hidden)
  const onClick = () => (covered ? setCovered(false) : view([{ media, caption }], 0))
  return (
    <button
      type="button"
      className={covered ? 'picture picture--covered' : 'picture'}
      style={{ aspectRatio: ratioOf(media) }}
      aria-label={covered ? 'Show the hidden photo' : 'Open the photo'}
      onClick={onClick}
    >
      <img src={media.url} alt={caption ?? 'Photo'} width={media.width} height={media.height} decoding="async" />
    </button>
  )
}

export function Video({ media, looping = false }: { readonly media: Media; readonly looping?: boolean }) {
  const style = { aspectRatio: ratioOf(media) ?? '16 / 9' }
  if (looping) return <video className="picture" style={style} src={media.url} autoPlay loop muted playsInline />
  return (
    // biome-ignore lint/a11y/useMediaCaption: a bot sends no captions with its videos.
    <video className="picture" style={style} src={media.url} controls preload="metadata" playsInline />
  )
}

export function RoundVideo({ media }: { readonly media: Media }) {
  // biome-ignore lint/a11y/useMediaCaption: a bot sends no captions with its videos.
  return <video className="round-video" src={media.url} controls preload="metadata" playsInline />
}

interface AudioTrackProps {
  readonly media: Media
  readonly voice?: boolean
}

/** A track with its own small player: play and pause, a line to seek on, the time. */
export function AudioTrack({ media, voice = false }: AudioTrackProps) {
  const audio = useRef<HTMLAudioElement>(null)
  const [playing, setPlaying] = useState(false)
  const [at, setAt] = useState(0)
  const [length, setLength] = useState(media.duration ?? 0)
  const title = voice ? 'Voice message' : (media.title ?? media.file_name ?? 'Audio')

  useEffect(() => {
    const element = audio.current
    return () => element?.pause()
  }, [])

  const toggle = () => {
    const element = audio.current
    if (element === null) return
    if (element.paused) element.play().catch(() => setPlaying(false))
    else element.pause()
  }
  return (
    <div className="track">
      {/* biome-ignore lint/a11y/useMediaCaption: a bot sends no captions with its tracks. */}
      <audio
        ref={audio}
        src={media.url}
        preload="metadata"
        onPlay={() => setPlaying(true)}
        onPause={() => setPlaying(false)}
        onTimeUpdate={({ currentTarget }) => setAt(currentTarget.currentTime)}
        onLoadedMetadata={({ currentTarget }) => {
          if (Number.isFinite(currentTarget.duration)) setLength(currentTarget.duration)
        }}
      />
      <button type="button" className="disc" aria-label={playing ? 'Pause' : `Play ${title}`} onClick={toggle}>
        <Icon name={playing ? 'pause' : 'play'} />
      </button>
      <div className="track__about">
        <strong>{title}</strong>
        {media.performer !== undefined && <span className="track__performer">{media.performer}</span>}
        <input
          type="range"
          aria-label="Position"
          min={0}
          max={length || 1}
          step="any"
          value={at}
          style={{ '--played': `${(at / (length || 1)) * 100}%` }}
          onChange={({ currentTarget }) => {
            if (audio.current !== null) audio.current.currentTime = Number(currentTarget.value)
          }}
        />
        <span className="track__time">
          {durationOf(at)} / {durationOf(length)}
        </span>
      </div>
    </div>
  )
}

/** A document to download. */
export function FileCard({ media }: { readonly media: Media }) {
  const name = media.file_name ?? 'File'
  return (
    <a className="file" href={media.url} download={name} title={`Download ${name}`}>
      <span className="disc">
        <Icon name="download" />
      </span>
      <span className="file__about">
        <strong>{name}</strong>
        <span>
          {[media.file_size === undefined ? undefined : sizeOf(media.file_size), kindOf(media)]
            .filter(Boolean)
            .join(' · ')}
        </span>
      </span>
    </a>
  )
}

function kindOf({ file_name, mime_type }: Media): string {
  const extension = file_name?.match(/\.([a-z0-9]{1,6})$/i)?.[1] ?? mime_type?.split('/').at(-1)
  return (extension ?? 'file').toUpperCase()
}
