import { type FormEvent, useState } from 'react'
import type { PersonDetails } from '../api/client.ts'
import type { Person } from '../api/schema.ts'
import { sentence } from '../state/chat-store.ts'
import './person-form.css'

const languages = [
  { code: 'ru', name: 'Русский' },
  { code: 'en', name: 'English' },
]

interface PersonFormProps {
  readonly person?: Person | undefined
  readonly action: string
  readonly onSubmit: (details: PersonDetails) => Promise<void>
}

/** A name, and the language of the person's Telegram, which bots see as `language_code`. */
export function PersonForm({ person, action, onSubmit }: PersonFormProps) {
  const [name, setName] = useState(person?.first_name ?? '')
  const [language, setLanguage] = useState(person?.language_code ?? 'ru')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      await onSubmit({ first_name: name.trim(), language_code: language })
    } catch (error) {
      setProblem(sentence(error))
      setBusy(false)
    }
  }
  return (
    <form className="person-form" onSubmit={(event) => void submit(event)}>
      <label className="labelled">
        <span>Name</span>
        <input
          className="field"
          required
          maxLength={64}
          autoComplete="off"
          placeholder="Anna"
          value={name}
          // biome-ignore lint/a11y/noAutofocus: the form is what the person just asked for.
          autoFocus
          onChange={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <fieldset className="labelled">
        <legend>Language of their Telegram</legend>
        <div className="segments">
          {languages.map(({ code, name: shown }) => (
            <label key={code}>
              <input
                type="radio"
                name="language"
                className="visually-hidden"
                checked={language === code}
                onChange={() => setLanguage(code)}
              />
              <span>{shown}</span>
            </label>
          ))}
        </div>
      </fieldset>
      {problem !== undefined && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <button type="submit" className="button button--wide" disabled={busy || name.trim() === ''} aria-busy={busy}>
        {action}
      </button>
    </form>
  )
}
