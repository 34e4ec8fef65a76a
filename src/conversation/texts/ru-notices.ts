import { characters, megabytes, megapixels, money, number, pictures, upToCharacters, upToPictures } from './ru-words.ts'
import type { ForeignTexts, NoticeTexts, RefusalTexts } from './texts.ts'

/** What is said when something cannot be done, or did not go as the person thought. */
export const refusalsRu: RefusalTexts = {
  not_enough_money: ({ missing }) => `Не хватает ${money(missing)}. Пополните баланс — и запускайте.`,
  free_used_up: () => 'Бесплатные генерации на сегодня закончились. Ничего не запущено: ниже новая цена, решайте.',
  offer_withdrawn: () => 'Эта модель сейчас недоступна. Деньги не списаны.',
  quote_expired: () => 'Цена действовала 30 минут, и время вышло. Вот свежая — проверьте и запускайте.',
  not_sellable: () => 'С такими настройками модель не работает. Измените их — деньги не списаны.',
  too_many_running: ({ limit }) =>
    `Сейчас уже в работе ${limit}, больше одновременно нельзя. Дождитесь одного результата и запускайте дальше.`,
  offer_paused: () => 'Эта модель сейчас не запускается. Деньги не списаны: выберите другую или попробуйте позже.',
  selling_paused: () => 'Запуски ненадолго приостановлены. Деньги не списаны, попробуйте чуть позже.',
}

const asJpegRu = (name: string) =>
  `Это ${name} — модели такие файлы не открывают. Сохраните в JPEG или PNG и пришлите снова.`
const foreignRu: ForeignTexts = {
  heic: 'Это HEIC, формат камеры айфона: модели его не открывают. Пришлите снимок как фото, а не файлом.',
  gif: 'Это GIF, а модели работают с неподвижными картинками. Сделайте скриншот нужного кадра и пришлите его как фото.',
  animation:
    'Это анимация, а модели работают с неподвижными картинками. Сделайте скриншот нужного кадра и пришлите его как фото.',
  pdf: 'Это PDF, а модели нужна картинка. Сделайте скриншот нужной страницы и пришлите его как фото.',
  svg: asJpegRu('SVG'),
  avif: asJpegRu('AVIF'),
  bmp: asJpegRu('BMP'),
  tiff: asJpegRu('TIFF'),
  raw: asJpegRu('RAW'),
  psd: asJpegRu('PSD'),
  jxl: asJpegRu('JPEG XL'),
}

export const noticesRu: NoticeTexts = {
  old_button: () => 'Эта кнопка уже устарела. Вот что можно сделать сейчас.',
  session_lost: () => 'Тот разговор не сохранился, начнём с меню. Деньги и заказы на месте.',
  unexpected_text: () => 'Текст сейчас ни к чему не относится. Выберите модель — и пришлите описание.',
  album_part_late: () =>
    'Это фото из альбома дошло уже после запуска, в заказ оно не попало. Чтобы нарисовать с ним, пришлите его ещё раз.',
  unexpected_file: () => 'Этой модели фото не нужно. Чтобы переделать фото, откройте в меню «🖼 Из фото».',
  choose_for_file: () => 'Что сделать с фото? Выберите модель, присылать его ещё раз не нужно.',
  unsupported: () => 'Такое сообщение я не понимаю. Пришлите текст или фото либо нажмите кнопку.',
  too_short: ({ min }) => `Слишком коротко: нужно хотя бы ${characters(min)}.`,
  too_long: ({ length, max }) =>
    `Получилось ${characters(length)}, а модель принимает до ${upToCharacters(max)}. Сократите немного.`,
  not_a_number: ({ min, max, step }) =>
    `Нужно число от ${number(min)} до ${number(max)}${step === 1 ? '' : ` с шагом ${number(step)}`}.`,
  not_a_picture: () => 'Это не картинка. Подойдут JPEG, PNG и WebP.',
  foreign_format: ({ format }) => foreignRu[format],
  file_too_big: ({ maxBytes }) => `Файл слишком большой: можно до ${megabytes(maxBytes)}.`,
  too_many_pixels: ({ maxPixels }) =>
    `Картинка слишком большая: эта модель берёт до ${megapixels(maxPixels)}. Уменьшите её или пришлите как фото.`,
  too_many_pictures: ({ max }) => `Больше ${upToPictures(max)} модель не принимает, лишнее не взял.`,
  few_pictures: ({ min }) => `Нужно ещё: хотя бы ${pictures(min)}.`,
  file_lost: () => 'Файл не удалось получить. Пришлите его ещё раз.',
  still_checking: () => 'Секунду, проверяю присланное.',
  prompt_kept: () => 'Описание записал. Осталось ответить на вопрос ниже.',
  prompt_replaced: () => 'Описание заменил.',
  choose_a_button: () => 'Выберите один из вариантов на кнопках.',
  already_placed: () => 'Этот заказ уже запускался, второй раз денег не взял. Вот он.',
  amount_out_of_range: ({ min, max }) =>
    `Введите сумму в рублях: от ${number(min / 100)} до ${number(max / 100)}. Больше за один раз не получится.`,
  unknown_command: () => 'Такой команды нет. Всё, что я умею, — в меню.',
  draft_dropped: () => 'Отменил. Ничего не списано.',
  nothing_to_cancel: () => 'Отменять нечего: сейчас ничего не заполняется и не выполняется.',
  order_not_found: () => 'Такого заказа нет.',
}
