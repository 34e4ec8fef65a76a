/** Numbers and times as people read them. */
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
const dayAndMonth = new Intl.DateTimeFormat('en-US', { month: 'long', day: 'numeric' })
const dayAndYear = new Intl.DateTimeFormat('en-US', { month: 'long', day: 'numeric', year: 'numeric' })
const weekday = new Intl.DateTimeFormat('en-US', { weekday: 'short' })
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'medium' })
const dayMs = 86_400_000

/** `14:05` */
export const timeOf = (seconds: number): string => clock.format(seconds * 1000)

export const fullTimeOf = (seconds: number): string => full.format(seconds * 1000)

export const dayKeyOf = (seconds: number): string => new Date(seconds * 1000).toDateString()

/** `Today`, `Yesterday`, `March 4`, or with the year when it is another. */
export function dayOf(seconds: number): string {
  const then = new Date(seconds * 1000)
  const days = daysAgo(then)
  if (days === 0) return 'Today'
  if (days === 1) return 'Yesterday'
  return (then.getFullYear() === new Date().getFullYear() ? dayAndMonth : dayAndYear).format(then)
}

/** The time for today, the weekday for this week, else the date: short enough for the end of a row. */
export function shortTimeOf(seconds: number): string {
  const then = new Date(seconds * 1000)
  const days = daysAgo(then)
  if (days === 0) return clock.format(then)
  return days > 0 && days < 7 ? weekday.format(then) : then.toLocaleDateString('en-GB')
}

/** `1.4 MB` */
export function sizeOf(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KB`
  return `${(bytes / 1024 ** 2).toFixed(1)} MB`
}

/** `3:07` */
export function durationOf(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`
}

export const countOf = (count: number): string => count.toLocaleString('en-US')

function daysAgo(then: Date): number {
  const now = new Date()
  const midnight = (date: Date) => new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime()
  return Math.round((midnight(now) - midnight(then)) / dayMs)
}
