import { characters, megabytes, megapixels, money, number, pictures } from './en-words.ts'
import type { ForeignTexts, NoticeTexts, RefusalTexts } from './texts.ts'

/** What is said when something cannot be done, or did not go as the person thought. */
export const refusalsEn: RefusalTexts = {
  not_enough_money: ({ missing }) => `You are ${money(missing)} short. Top up your balance, then run it.`,
  free_used_up: () => 'Today’s free generations are used up. Nothing was started: the price is below, you decide.',
  offer_withdrawn: () => 'This model is not available now. You were not charged.',
  quote_expired: () => 'The price held for 30 minutes and has expired. Here is a fresh one: check it and run.',
  not_sellable: () => 'The model does not work with these settings. Change them; you were not charged.',
  too_many_running: ({ limit }) =>
    `${limit} of your orders are running, which is the most at a time. Wait for one result, then go on.`,
  offer_paused: () => 'This model cannot run right now. You were not charged: pick another one, or try later.',
  selling_paused: () => 'Runs are paused for a moment. You were not charged, please try a little later.',
}

const asJpegEn = (name: string) =>
  `That is ${name}, and the models cannot open it. Save it as JPEG or PNG and send it again.`
const foreignEn: ForeignTexts = {
  heic: 'That is HEIC, the format of iPhone cameras, and the models cannot open it. Send it as a photo, not as a file.',
  gif: 'That is a GIF, and the models work with still pictures. Take a screenshot of the frame you want and send it as a photo.',
  animation:
    'That moves, and the models work with still pictures. Take a screenshot of the frame you want and send it as a photo.',
  pdf: 'That is a PDF, and the model needs a picture. Take a screenshot of the page you want and send it as a photo.',
  svg: asJpegEn('an SVG'),
  avif: asJpegEn('AVIF'),
  bmp: asJpegEn('a BMP'),
  tiff: asJpegEn('a TIFF'),
  raw: asJpegEn('a RAW file'),
  psd: asJpegEn('a PSD'),
  jxl: asJpegEn('JPEG XL'),
}

export const noticesEn: NoticeTexts = {
  old_button: () => 'This button is out of date. Here is what you can do now.',
  session_lost: () => 'That conversation was not kept, so let us start from the menu. Your money and orders are safe.',
  unexpected_text: () => 'I have no use for text right here. Pick a model, then send your description.',
  album_part_late: () =>
    'This photo of your album arrived after the start, so it is not in the order. To draw with it, send it again.',
  unexpected_file: () => 'This model needs no photo. To rework one, open “🖼 From a photo” in the menu.',
  choose_for_file: () => 'What shall I do with the photo? Pick a model; there is no need to send it again.',
  unsupported: () => 'I cannot read this kind of message. Send text or a photo, or press a button.',
  too_short: ({ min }) => `Too short: at least ${characters(min)}, please.`,
  too_long: ({ length, max }) =>
    `That is ${characters(length)}, and the model takes up to ${number(max)}. Please shorten it a little.`,
  not_a_number: ({ min, max, step }) =>
    `A number from ${number(min)} to ${number(max)}${step === 1 ? '' : ` in steps of ${number(step)}`}, please.`,
  not_a_picture: () => 'This is not a picture. JPEG, PNG and WebP work.',
  foreign_format: ({ format }) => foreignEn[format],
  file_too_big: ({ maxBytes }) => `The file is too big: up to ${megabytes(maxBytes)}, please.`,
  too_many_pixels: ({ maxPixels }) =>
    `The picture is too large: this model takes up to ${megapixels(maxPixels)}. Make it smaller or send it as a photo.`,
  too_many_pictures: ({ max }) => `The model takes ${pictures(max)} at most, the rest was left out.`,
  few_pictures: ({ min }) => `A few more: at least ${pictures(min)}.`,
  file_lost: () => 'The file did not get through. Please send it again.',
  still_checking: () => 'One second, checking what you sent.',
  prompt_kept: () => 'I noted the description. Just answer the question below.',
  prompt_replaced: () => 'The description is replaced.',
  choose_a_button: () => 'Pick one of the options on the buttons.',
  already_placed: () => 'This order was already run and was not charged twice. Here it is.',
  amount_out_of_range: ({ min, max }) =>
    `Type an amount in roubles, from ${number(min / 100)} to ${number(max / 100)}. One top-up cannot be larger.`,
  unknown_command: () => 'There is no such command. Everything I can do is in the menu.',
  draft_dropped: () => 'Cancelled. You were not charged.',
  nothing_to_cancel: () => 'Nothing to cancel: nothing is being filled in or running.',
  order_not_found: () => 'There is no such order.',
}
