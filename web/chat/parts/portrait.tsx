import type { ReactNode } from 'react'

const grounds = ['#f4b183', '#f6cf7a', '#b9a7f2', '#9fd39a', '#8fd6d8', '#93c2f0', '#f0aecb']
const skins = ['#ffdcc2', '#f6c8a2', '#e3a878', '#b97a4e', '#8a5638']
const hairs = ['#2b2422', '#4a3227', '#7a4a2a', '#b5773a', '#d9b46a', '#8d8f98', '#b4472f']
const shirts = ['#3d6fb6', '#d95d55', '#3f9a6b', '#6b58b8', '#2c3e50', '#e0a030', '#cf5f94']

/** What is worn above the face: drawn behind it, and over the forehead. */
const styles: readonly { readonly behind?: ReactNode; readonly over: ReactNode }[] = [
  { over: <path d="M19 28c-1-11 5-17 13-17s14 6 13 17c-2-5-4-8-7-10-5 3-12 3-16 2-1 2-2 5-3 8Z" /> },
  {
    behind: <path d="M17 30c0-13 6-20 15-20s15 7 15 20v18H17Z" />,
    over: <path d="M19 29c0-11 5-17 13-17s13 6 13 17c-3-2-6-6-8-10-4 4-11 7-18 10Z" />,
  },
  { over: <path d="M19 27c-2-9 3-16 13-16s15 7 13 16c-1-3-2-5-3-6-6 1-14 1-20-1-1 2-2 4-3 7Z" /> },
  {
    behind: <circle cx="32" cy="10" r="6" />,
    over: <path d="M19 28c-1-11 5-16 13-16s14 5 13 16c-2-6-6-9-13-9s-11 3-13 9Z" />,
  },
  {
    behind: <path d="M16 34c-2-15 5-25 16-25s18 10 16 25c0 6-2 8-4 9H20c-2-1-4-3-4-9Z" />,
    over: <path d="M19 28c0-11 5-16 13-16s13 5 13 16c-2-5-3-7-4-8H23c-1 1-2 3-4 8Z" />,
  },
  {
    over: (
      <g>
        <circle cx="22" cy="20" r="5" />
        <circle cx="28" cy="15" r="6" />
        <circle cx="36" cy="15" r="6" />
        <circle cx="42" cy="20" r="5" />
        <circle cx="20" cy="26" r="3" />
        <circle cx="44" cy="26" r="3" />
      </g>
    ),
  },
]

/** A drawn face that depends on nothing but its number, so that a person looks the same wherever they appear. */
export function Portrait({ face }: { readonly face: number }) {
  const pick = <T,>(choices: readonly T[], place: number): T | undefined =>
    choices[Math.floor(face / 7 ** place) % choices.length]
  const style = pick(styles, 0)
  const skin = pick(skins, 1)
  const hair = pick(hairs, 2)
  const glasses = Math.floor(face / 7 ** 5) % 4 === 0
  return (
    <svg viewBox="0 0 64 64" width="100%" height="100%" aria-hidden="true">
      <rect width="64" height="64" fill={pick(grounds, 3)} />
      <g fill={hair}>{style?.behind}</g>
      <path d="M10 66c1-13 9-18 22-18s21 5 22 18Z" fill={pick(shirts, 4)} />
      <path d="M26 40h12v9c0 3-3 5-6 5s-6-2-6-5Z" fill={skin} />
      <path d="M26 44c3 3 9 3 12 0v3c-3 3-9 3-12 0Z" fill="#000" opacity="0.1" />
      <path d="M20 26c0-8 5-13 12-13s12 5 12 13c0 10-5 18-12 18s-12-8-12-18Z" fill={skin} />
      <g fill={hair}>{style?.over}</g>
      <circle cx="27" cy="29" r="1.6" fill="#2a2320" />
      <circle cx="37" cy="29" r="1.6" fill="#2a2320" />
      <path d="M27.5 36c2.5 2.4 6.5 2.4 9 0" fill="none" stroke="#8a3d36" strokeWidth="1.6" strokeLinecap="round" />
      {glasses && (
        <g fill="none" stroke="#2a2320" strokeWidth="1.2">
          <circle cx="27" cy="29" r="4.2" />
          <circle cx="37" cy="29" r="4.2" />
          <path d="M31.2 28.6h1.6" />
        </g>
      )}
    </svg>
  )
}
