import { useId } from 'react'

/** The golden star of Telegram's own currency. */
export function Star({ size }: { readonly size: number }) {
  const gold = useId()
  return (
    <svg aria-hidden="true" className="star" width={size} height={size} viewBox="0 0 24 24">
      <defs>
        <linearGradient id={gold} x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" stopColor="#ffd84d" />
          <stop offset="1" stopColor="#f5a111" />
        </linearGradient>
      </defs>
      <path
        fill={`url(#${gold})`}
        stroke="#e58f0c"
        strokeWidth="0.8"
        strokeLinejoin="round"
        d="M12 2.3c.5 0 .9.3 1.1.7l2.4 5.2 5.7.6c1 .1 1.4 1.3.7 2l-4.3 3.8 1.2 5.6c.2 1-.8 1.7-1.7 1.2L12 18.5l-5.1 2.9c-.9.5-1.9-.2-1.7-1.2l1.2-5.6-4.3-3.8c-.7-.7-.3-1.9.7-2l5.7-.6L10.9 3c.2-.4.6-.7 1.1-.7Z"
      />
    </svg>
  )
}
