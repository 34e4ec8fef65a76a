import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { Icon, type IconName } from '../../shared/icons.tsx'
import './menu.css'

export interface MenuItem {
  readonly label: string
  readonly icon: IconName
  readonly danger?: boolean
  readonly chosen?: boolean
  readonly onChoose: () => void
}

interface MenuProps {
  readonly label: string
  readonly icon: IconName
  readonly items: readonly MenuItem[]
  readonly upwards?: boolean
  readonly towards?: 'start' | 'end'
}

/** A round button that opens a short list; arrows move in it, Escape and a press elsewhere close it. */
export function Menu({ label, icon, items, upwards = false, towards = 'end' }: MenuProps) {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const opener = useRef<HTMLButtonElement>(null)

  useEffect(() => {
    if (!open) return
    root.current?.querySelector<HTMLElement>('[role^="menuitem"]')?.focus()
    const onPress = ({ target }: PointerEvent) => {
      if (!(target instanceof Node && root.current?.contains(target))) setOpen(false)
    }
    addEventListener('pointerdown', onPress)
    return () => removeEventListener('pointerdown', onPress)
  }, [open])

  const close = () => {
    setOpen(false)
    opener.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') close()
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const all = [...(root.current?.querySelectorAll<HTMLElement>('[role^="menuitem"]') ?? [])]
    const at = all.findIndex((item) => item.matches(':focus'))
    all.at((at + step) % all.length)?.focus()
  }
  return (
    <div className="menu" ref={root}>
      <button
        type="button"
        ref={opener}
        className="round"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name={icon} />
      </button>
      {open && (
        <div
          className={`menu__list menu__list--${towards}${upwards ? ' menu__list--upwards' : ''}`}
          role="menu"
          tabIndex={-1}
          aria-label={label}
          onKeyDown={onKeyDown}
        >
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role={item.chosen === undefined ? 'menuitem' : 'menuitemradio'}
              {...(item.chosen === undefined ? {} : { 'aria-checked': item.chosen })}
              tabIndex={-1}
              className={item.danger === true ? 'menu__item menu__item--danger' : 'menu__item'}
              onClick={() => {
                close()
                item.onChoose()
              }}
            >
              <Icon name={item.icon} size={20} />
              <span>{item.label}</span>
              {item.chosen === true && <Icon name="tick" size={18} />}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
