import type { ReactNode } from 'react'

/** Line icons on a 24 grid. They decorate: the button around one carries the label. */
const shapes = {
  menu: <path d="M4 7h16M4 12h16M4 17h16" />,
  back: <path d="M19 12H5m6-6-6 6 6 6" />,
  close: <path d="m6 6 12 12M18 6 6 18" />,
  more: (
    <g fill="currentColor" stroke="none">
      <circle cx="12" cy="5.5" r="1.7" />
      <circle cx="12" cy="12" r="1.7" />
      <circle cx="12" cy="18.5" r="1.7" />
    </g>
  ),
  plus: <path d="M12 5v14M5 12h14" />,
  split: (
    <>
      <rect x="3.5" y="5" width="17" height="14" rx="2.5" />
      <path d="M12 5v14" />
    </>
  ),
  sun: (
    <>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 3v1.5m0 15V21m9-9h-1.5m-15 0H3m15.4-6.4-1.1 1.1M6.7 17.3l-1.1 1.1m12.8 0-1.1-1.1M6.7 6.7 5.6 5.6" />
    </>
  ),
  moon: <path d="M19.5 14.6A8 8 0 0 1 9.4 4.5a8 8 0 1 0 10.1 10.1Z" />,
  system: (
    <>
      <rect x="3.5" y="5" width="17" height="11.5" rx="2" />
      <path d="M9 20h6m-3-3.5V20" />
    </>
  ),
  clip: (
    <path d="m19 11.2-7.4 7.3a4.7 4.7 0 0 1-6.6-6.6l7.6-7.6a3.2 3.2 0 0 1 4.5 4.5l-7.5 7.4a1.6 1.6 0 0 1-2.3-2.3l6.8-6.7" />
  ),
  picture: (
    <>
      <rect x="3.5" y="4.5" width="17" height="15" rx="3" />
      <circle cx="8.7" cy="9.5" r="1.6" />
      <path d="m4 17 4.7-4.3 3.3 3 3.7-4 4.6 4.8" />
    </>
  ),
  document: (
    <>
      <path d="M13.5 3.5H7.3a2 2 0 0 0-2 2v13a2 2 0 0 0 2 2h9.4a2 2 0 0 0 2-2V8.7Z" />
      <path d="M13.5 3.5v5.2h5.2" />
    </>
  ),
  send: (
    <path
      fill="currentColor"
      stroke="none"
      d="M4.3 19.6 21 12.5c.5-.2.5-.8 0-1L4.3 4.4c-.4-.2-.9.2-.8.7l1.7 5.6 9 1.3-9 1.3-1.7 5.6c-.1.5.4.9.8.7Z"
    />
  ),
  down: <path d="m5.5 9 6.5 6.5L18.5 9" />,
  download: <path d="M12 4.5v11m0 0 4.5-4.5M12 15.5 7.5 11M5 19.5h14" />,
  keyboard: (
    <>
      <rect x="3" y="6" width="18" height="12" rx="2.5" />
      <path d="M7 10h.01M12 10h.01M17 10h.01M8.5 14h7" />
    </>
  ),
  slash: <path d="M9.5 19 14.5 5" />,
  play: <path fill="currentColor" d="M8 5.5v13l10.5-6.5Z" />,
  pause: (
    <g fill="currentColor" stroke="none">
      <rect x="7" y="5.5" width="3.6" height="13" rx="1.2" />
      <rect x="13.4" y="5.5" width="3.6" height="13" rx="1.2" />
    </g>
  ),
  clock: (
    <>
      <circle cx="12" cy="12" r="8" />
      <path d="M12 7.5V12l3 2" />
    </>
  ),
  alert: (
    <>
      <circle cx="12" cy="12" r="9" />
      <path d="M12 7.5v5.5m0 3.3v.2" />
    </>
  ),
  link: <path d="M8 16 16.5 7.5M9.5 7h7.5v7.5" />,
  copy: (
    <>
      <rect x="8.5" y="8.5" width="11" height="11" rx="2.5" />
      <path d="M15.5 5.5a2 2 0 0 0-2-1.5H6.5a2.5 2.5 0 0 0-2.5 2.5v7a2 2 0 0 0 1.5 2" />
    </>
  ),
  pencil: <path d="m14.5 6 3.5 3.5M5 19l.9-3.9L16.3 4.7a1.5 1.5 0 0 1 2.1 0l.9.9a1.5 1.5 0 0 1 0 2.1L8.9 18.1Z" />,
  person: (
    <>
      <circle cx="12" cy="8.5" r="4" />
      <path d="M4.5 19.5c1-3.4 4-5 7.5-5s6.5 1.6 7.5 5" />
    </>
  ),
  robot: (
    <>
      <rect x="4.5" y="8" width="15" height="11" rx="3.5" />
      <path d="M12 8V4.5M9.2 12.5v1.5m5.6-1.5v1.5M2.5 12v3m19-3v3" />
    </>
  ),
  block: (
    <>
      <circle cx="12" cy="12" r="8.5" />
      <path d="m6 6 12 12" />
    </>
  ),
  tick: <path d="m5 12.5 4.5 4.5L19 7.5" />,
} satisfies Record<string, ReactNode>

export type IconName = keyof typeof shapes

export function Icon({ name, size = 24 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      aria-hidden="true"
      className="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      {shapes[name]}
    </svg>
  )
}
