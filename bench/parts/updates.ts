/** Updates as Telegram sends them, of about their real size, each with an id that was never used before. */
export type Tap = { readonly id: string; readonly person: number; readonly message: number; readonly data: string }

let lastId = 100_000_000
const nextId = (): number => {
  lastId += 1
  return lastId
}

const seconds = () => Math.floor(Date.now() / 1000)
const from = (person: number) =>
  `{"id":${person},"is_bot":false,"first_name":"Anna","last_name":"Ivanova","username":"anna_${person}","language_code":"ru"}`
const chat = (person: number) =>
  `{"id":${person},"first_name":"Anna","last_name":"Ivanova","username":"anna_${person}","type":"private"}`

/** A message that was edited: a bot that sells pictures has nothing to do for it. */
export function editedMessage(person: number): string {
  const at = seconds()
  return `{"update_id":${nextId()},"edited_message":{"message_id":5,"from":${from(person)},"chat":${chat(person)},"date":${at - 60},"edit_date":${at},"text":"A fox in a snowy forest, morning light"}}`
}

export function textMessage(person: number, text: string): string {
  const entities = text.startsWith('/') ? `,"entities":[{"offset":0,"length":${text.length},"type":"bot_command"}]` : ''
  const id = nextId()
  return `{"update_id":${id},"message":{"message_id":${id},"from":${from(person)},"chat":${chat(person)},"date":${seconds()},"text":${JSON.stringify(text)}${entities}}}`
}

export function tapUpdate({ id, person, message, data }: Tap): string {
  const under = `{"message_id":${message},"from":{"id":7000001,"is_bot":true,"first_name":"Shop","username":"shop_bot"},"chat":${chat(person)},"date":${seconds()},"text":"Menu"}`
  return `{"update_id":${nextId()},"callback_query":{"id":"${id}","from":${from(person)},"message":${under},"chat_instance":"${person}1","data":"${data}"}}`
}
