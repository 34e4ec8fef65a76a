import type { Person } from '../api/schema.ts'
import { useSandbox } from '../state/sandbox.tsx'
import { Modal } from './modal.tsx'
import { PersonForm } from './person-form.tsx'

interface PersonDialogProps {
  /** Absent: a new one is made. */
  readonly person?: Person
  readonly onMade?: (id: number) => void
  readonly onClose: () => void
}

export function PersonDialog({ person, onMade, onClose }: PersonDialogProps) {
  const { api, world } = useSandbox()
  return (
    <Modal title={person === undefined ? 'New person' : `Change ${person.first_name}`} onClose={onClose}>
      <PersonForm
        person={person}
        action={person === undefined ? 'Open chat' : 'Save'}
        onSubmit={async (details) => {
          const made = person === undefined ? await api.addPerson(details) : undefined
          if (person !== undefined) await api.changePerson(person.id, details)
          await world.refresh()
          onClose()
          if (made !== undefined) onMade?.(made.id)
        }}
      />
    </Modal>
  )
}
