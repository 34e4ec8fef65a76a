import { useEffect, useState } from 'react'

/** Light, dark, or as the system has it; the choice is kept in this browser. */
export type Theme = 'system' | 'light' | 'dark'

const key = 'theme'

export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => parseTheme(localStorage.getItem(key)))
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset['theme']
    else document.documentElement.dataset['theme'] = theme
    localStorage.setItem(key, theme)
  }, [theme])
  return [theme, setTheme]
}

function parseTheme(stored: string | null): Theme {
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}
