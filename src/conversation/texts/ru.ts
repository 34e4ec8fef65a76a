import { formatDate, formatDuration, formatRange, inSentence } from './format.ts'
import { helpRu } from './ru-help.ts'
import { noticesRu, refusalsRu } from './ru-notices.ts'
import {
  characters,
  comesBack,
  freeGenerations,
  generations,
  isUsed,
  left,
  megabytes,
  money,
  number,
  pictures,
  units,
  upToCharacters,
} from './ru-words.ts'
import type { Texts } from './texts.ts'

/** Everything the service says in Russian. */
export const ru: Texts = {
  language: 'ru',
  money,
  date: (at, timezone) => formatDate(at, timezone, 'ru'),
  duration: (ms) => formatDuration(ms, units),
  range: (fromMs, toMs) => formatRange(fromMs, toMs, units),
  number,
  generations,
  pictures,
  characters,
  yes: 'Да',
  no: 'Нет',
  code: 'Код',

  keyboardGone: 'Кнопки теперь прямо под сообщениями.',
  buttons: {
    home: '🏠 Меню',
    back: '‹ Назад',
    free: (n) => (n > 0 ? `🆓 Бесплатно · ${left(n)}` : '🆓 Бесплатные модели'),
    balance: (balance) => `💳 Баланс · ${money(balance)}`,
    history: '🕘 Мои картинки',
    help: '❓ Помощь',
    language: '🌐 Язык · Language',
    referral: '🤝 Позвать друга',
    all: 'Все',
    start: '▶️ Начать',
    carryOn: '▶️ Продолжить',
    settings: '⚙️ Настройки',
    change: '⚙️ Изменить',
    done: '✅ Готово',
    reset: '🗑 Начать заново',
    skip: 'Пропустить',
    keep: 'Оставить как есть',
    enough: '✅ Хватит, дальше',
    removePictures: '🗑 Убрать картинки',
    run: (price) => `Запустить · ${price}`,
    runFree: 'Запустить · бесплатно',
    topUp: '💳 Пополнить',
    topUpBy: (amount) => `💳 Пополнить на ${money(amount)}`,
    otherAmount: 'Другая сумма',
    topUpAmount: (amount, stars) => `${money(amount)} · ${number(stars)} ⭐`,
    cancel: '✖️ Отменить',
    hideProgress: '🔕 Не показывать ход',
    again: '🔄 Ещё раз',
    retry: '🔄 Попробовать снова',
    edit: '✏️ Изменить и повторить',
    original: '📄 Оригинал файлом',
    resend: '🖼 Прислать снова',
    toOrder: '‹ К оформлению заказа',
    models: '🎨 Выбрать модель',
    writeToSupport: '💬 Написать в поддержку',
    share: '📨 Поделиться ссылкой',
  },
  categories: { image: '🎨 Картинки и дизайн', video: '🎬 Видео', audio: '🎧 Музыка и речь' },
  kinds: { 'text-to-image': '✍️ По описанию', 'image-to-image': '🖼 Из фото' },

  toasts: {
    unknownButton: 'Этой кнопки больше нет. Открываю меню.',
    oldButton: 'Кнопка устарела',
    label: 'Это номер страницы',
    starting: 'Запускаю',
    alreadyStarted: 'Уже запущено: один заказ, одна оплата. Результат придёт сам.',
    startedOver: 'Начинаем заново',
    invoice: 'Счёт — следующим сообщением',
    invoiceSent: 'Счёт на эту сумму уже в чате',
    languageSet: 'Говорю по-русски',
    cancelled: (price) => `Отменено, ничего не списано: ${comesBack(price)}.`,
    hidden: (price) => `Ход больше не показываю. Заказ уже в работе: результат придёт сам и ${isUsed(price)}.`,
    tooLateToCancel: 'Отменить уже нельзя',
    sending: 'Отправляю',
    nothingToSend: 'Отправлять нечего: у этого заказа нет результата',
  },

  refusals: refusalsRu,
  notices: noticesRu,

  home: {
    hello: (name) => `👋 Привет${name === '' ? '' : `, ${name}`}!`,
    whatItDoes:
      'Опишите картинку словами — я её нарисую. Или пришлите фото — переделаю. Цену вы видите заранее, а платите только за готовое.',
    title: 'Главное меню',
    invitation: 'Что сделаем?',
    free: ({ today, extra }, daily) =>
      `🆓 Бесплатно сегодня: ${today} из ${Math.max(daily, today)}${extra > 0 ? ` и ещё ${extra} бонусом` : ''}`,
    balance: (balance) => `💳 На балансе: ${money(balance)}`,
  },
  shelf: {
    free: '🆓 Бесплатные модели',
    tags: 'Выберите модель. На кнопке — цена одного запуска.',
    freeLeft: (n) => `🆓 — можно бесплатно, сегодня ${left(n)}.`,
    noFreeLeft: '🆓 — бесплатные на сегодня закончились, новые будут завтра. До тех пор — по цене на кнопке.',
    empty: 'Здесь пока пусто.',
    from: (price) => `от ${price}`,
  },
  card: {
    needs: 'Что понадобится:',
    aPrompt: (max) => `описание — до ${upToCharacters(max)}`,
    somePictures: (min, max) =>
      max === 1
        ? 'одно фото'
        : min === max
          ? `фото: ${number(max)}`
          : `фото: от ${number(Math.max(1, min))} до ${number(max)}`,
    canBeSet: 'Можно настроить:',
    price: (price) => `Цена: ${price}`,
    free: (n) => `🆓 Сейчас бесплатно: сегодня ${left(n)}`,
    freeUsedUp: '🆓 Бесплатные на сегодня закончились, новые — завтра',
    someFree: '🆓 Часть вариантов — бесплатно',
    usually: (range) => `⏱ Обычно ${range}`,
    example: 'Например:',
    filled: 'Часть уже заполнена — можно продолжить.',
    writeNow: '✍️ Напишите описание прямо сейчас, следующим сообщением.',
    sendPhotoNow: '🖼 Пришлите фото прямо сейчас, следующим сообщением.',
    pressStart: 'Нажмите «Начать».',
  },
  wizard: {
    askPrompt: (max) => `✍️ Опишите, что должно получиться. До ${upToCharacters(max)}.`,
    askText: (label, max) => `✍️ ${label}: напишите текст, до ${upToCharacters(max)}.`,
    askPictures: (label, min, max, bytes) =>
      max === 1
        ? `🖼 Пришлите ${inSentence(label)}, до ${megabytes(bytes)}.`
        : `🖼 Пришлите ${inSentence(label)}: ${min > 1 ? `от ${number(min)} ` : ''}до ${number(max)} штук, каждое до ${megabytes(bytes)}.`,
    picturesSoFar: (count, max) => `Уже есть: ${count} из ${max}.`,
    checking: (count) => `⏳ Проверяю: ${pictures(count)}…`,
    askChoice: (label) => `${label}: выберите вариант.`,
    askNumber: (label, min, max, step) =>
      `${label}: число от ${number(min)} до ${number(max)}${step === 1 ? '' : `, шаг ${number(step)}`}. Нажмите или напишите своё.`,
    optional: 'Необязательно, можно пропустить.',
    now: (value) => `Сейчас: ${value}`,
    byDefault: 'как решит модель',
    panelTitle: 'Настройки',
    panelHint: 'Нажмите на то, что хотите поменять. Новый текст сразу заменит описание.',
    notSet: 'не задано',
  },
  confirm: {
    title: 'Проверьте и запускайте',
    prompt: 'Описание',
    price: (price) => `Цена: ${price}`,
    isFree: (leftAfter) =>
      `Цена: бесплатно. ${leftAfter > 0 ? `После запуска останется ${freeGenerations(leftAfter)}.` : 'Это последняя бесплатная на сегодня.'}`,
    nowPaid: '🆓 Бесплатные на сегодня закончились, поэтому цена обычная. Новые бесплатные — завтра.',
    balance: (balance, after) => `Баланс: ${money(balance)}, после запуска ${money(after)}`,
    missing: (balance, missing) =>
      `Баланс: ${money(balance)} — не хватает ${money(missing)}. Пополните и вернитесь сюда.`,
    ifItFails: (price) =>
      price.unit === 'RUB'
        ? 'Если картинка не получится, деньги сразу вернутся на баланс.'
        : 'Если картинка не получится, бесплатная генерация вернётся.',
    notSellable: 'С такими настройками эта модель не работает. Измените что-нибудь.',
  },
  progress: {
    sending: '📤 Передаю заказ нейросети',
    canCancel: 'Пока заказ не передан, его можно отменить — ничего не спишется.',
    cannotCancel: (price) => `Заказ уже в работе, отменить его нельзя: результат придёт сам и ${isUsed(price)}.`,
    uncertain: (time) =>
      `📡 Связь прервалась, и я пока не знаю, принят ли заказ. Проверяю сам. Если за ${time} это не выяснится, всё вернётся вам.`,
    stages: {
      waiting: '🕐 Заказ принят, ждёт начала',
      queuing: '🕐 Заказ в очереди',
      generating: '🎨 Рисую',
    },
    elapsed: (time) => `Прошло ${time}`,
    usually: (range) => `обычно ${range}`,
    unmeasured: 'точный срок не назову: замеров этой модели пока мало',
    late: 'Дольше обычного. Слежу дальше: как только будет готово, пришлю сам.',
    quiet: '🔕 Ход не показываю. Результат придёт сюда сам.',
    delivering: '📦 Готово, отправляю',
    looking: (price) =>
      `📦 Готово, но файл пока не открывается. Пробую снова: откроется — сразу пришлю, не откроется — верну ${price.unit === 'RUB' ? 'деньги' : 'бесплатную генерацию'}.`,
    completed: '✅ Готово',
    refunded: (price) => `💸 Возврат: ${comesBack(price)}`,
  },
  failed: {
    title: '😔 Не получилось',
    cancelledTitle: '✖️ Отменено',
    reasons: {
      cancelled: 'Вы отменили заказ до отправки.',
      inputs_refused:
        'Нейросеть не приняла такое описание, картинку или настройки. Измените что-нибудь и попробуйте снова.',
      moderated: 'Запрос не прошёл правила нейросети о содержании. Опишите иначе.',
      generation_failed: 'Нейросеть взялась за заказ, но не справилась. Чаще всего помогает просто попробовать снова.',
      provider_unavailable: 'Нейросеть сейчас недоступна. Попробуйте через несколько минут или возьмите другую модель.',
      input_lost: 'Присланную картинку не удалось передать. Пришлите её заново.',
      never_confirmed: 'Нейросеть так и не подтвердила, что приняла заказ.',
      lost: 'Нейросеть приняла заказ и замолчала. Я ждал сколько обещал.',
      undeliverable: 'Картинка получилась, но прислать её не удалось: файл не открывается или не подходит Telegram.',
    },
    notCharged: (price) => `Ничего не списано: ${comesBack(price)}.`,
    debtPaid: (amount) => `Из них ${money(amount)} закрыли долг за возвращённые звёзды.`,
    giftComes: '🎁 Картинка всё-таки получилась. Сейчас пришлю, бесплатно.',
    giftLookedFor: '🔎 Буду проверять и дальше: если файл откроется, пришлю его бесплатно.',
    giftCame: '🎁 Картинка всё-таки получилась, и вы её получили бесплатно.',
  },
  result: {
    paid: (price) => `Оплачено ${money(price)}`,
    paidShare: (paid, back) => `Оплачено ${money(paid)}, вернул ${money(back)}`,
    arrived: (sent, ordered) => `🖼 Пришло ${number(sent)} из ${number(ordered)}.`,
    lookingFor: (n, price) =>
      `${n === 1 ? 'Ещё одну картинку ищу: её файл пока не открывается.' : `Ещё ${pictures(n)} ищу: их файлы пока не открываются.`}${price.unit === 'RUB' ? ' Спишу только за то, что придёт.' : ''}`,
    free: 'Бесплатно',
    balance: (balance) => `на балансе ${money(balance)}`,
    freeLeft: (n) => (n > 0 ? left(n) : 'бесплатные на сегодня закончились'),
    gift: '🎁 Подарок: заказ уже был закрыт без оплаты, но картинка всё-таки получилась. Она ваша.',
    lateGift: '🎁 Эта картинка всё-таки нашлась. Она в подарок.',
    resultGone:
      'Отправить этот результат ещё раз не получится: файл уже не хранится. Поищите его выше в этом чате или сделайте новый.',
    resultAway: 'Сейчас не получается достать результат. Попробуйте чуть позже.',
    originalAway:
      'Оригинал сейчас не скачивается: сервис, где он хранится, не отвечает. Попробуйте ещё раз чуть позже.',
    originalGone:
      'Оригинал уже удалён на стороне сервиса, который его создал: он хранит файлы около двух недель. Картинка в чате остаётся с вами.',
  },
  balance: {
    title: 'Баланс',
    amount: (balance) => `💳 ${money(balance)}`,
    freeToday: (n, daily) => `🆓 Бесплатно сегодня: ${n} из ${Math.max(daily, n)}`,
    extra: (n) => `🎁 Бонусом: ${generations(n)}`,
    explained: 'Деньги на балансе не сгорают. Списываются только за готовый результат.',
    credited: (amount, balance) => `✅ Зачислено ${money(amount)}. На балансе ${money(balance)}.`,
    starsTakenBack: (stars, balance) =>
      `↩️ Telegram вернул вам ${number(stars)} ⭐, поэтому купленные на них деньги списаны. На балансе ${money(balance)}.`,
    orderRefunded: (back, balance) =>
      back.unit === 'RUB'
        ? `💸 Вернул ${money(back.kopecks)} за заказ. На балансе ${money(balance)}.`
        : '💸 Вернул бесплатную генерацию за заказ.',
    reason: (why) => `Причина: ${why}`,
    owed: (debt) =>
      `${money(debt)} списать не вышло: они потрачены или ждут результата заказа. Этот долг закроется из следующих денег, которые придут на баланс.`,
  },
  topUp: {
    title: 'Пополнение баланса',
    explained: 'Оплата — звёздами Telegram. Нажмите сумму, и я пришлю счёт.',
    typed: (min, max) => `Или напишите свою сумму в рублях: от ${number(min / 100)} до ${number(max / 100)}.`,
  },
  invoice: {
    title: 'Пополнение баланса',
    description: (amount) => `${money(amount)} на баланс бота. Сумма зачислится сразу после оплаты.`,
    label: (amount) => `На баланс: ${money(amount)}`,
  },
  preCheckout: {
    unknown: 'Этот счёт мне не известен. Откройте «Пополнить» и возьмите новый.',
    foreign: 'Этот счёт выписан другому человеку. Откройте «Пополнить» и возьмите свой.',
    closed: 'Этот счёт уже оплачен или закрыт. Откройте «Пополнить» и возьмите новый.',
    expired: 'Счёт старше суток. Откройте «Пополнить» и возьмите новый.',
    amount_differs: 'Сумма не совпадает со счётом. Откройте «Пополнить» и возьмите новый.',
  },
  history: {
    title: 'Мои картинки',
    hint: 'Нажмите на заказ, чтобы посмотреть, получить снова или повторить.',
    empty: 'Здесь появятся ваши картинки. Пока ни одной — самое время начать.',
  },
  order: {
    title: 'Заказ',
    states: {
      placed: '⏳ Передаётся нейросети',
      submitting: '⏳ Передаётся нейросети',
      uncertain: '⏳ Выясняю, принят ли заказ',
      generating: '⏳ В работе',
      delivering: '⏳ Готов, отправляется',
      completed: '✅ Готово',
      refunded: '💸 Деньги возвращены',
      released: '↩️ Не выполнен, ничего не списано',
    },
    price: 'Цена',
    free: 'бесплатно',
    notFound: 'Такого заказа у вас нет.',
  },
  ...helpRu,
  languages: { title: 'На каком языке говорим?' },
  referral: {
    title: 'Позвать друга',
    notOpen:
      'Бонусы за приглашения пока не начисляются: программа ещё не открыта. Позвать друга можно и так — вот ваша ссылка:',
    link: 'Ссылка открывает бота.',
    share: 'Бот, который рисует по описанию и переделывает фото',
  },
  trouble: {
    title: '⚠️ Что-то пошло не так',
    text: 'Ошибка на моей стороне, я её записал. Деньги не потерялись: незавершённый заказ ничего не списывает. Попробуйте ещё раз.',
    banned: 'Доступ к боту закрыт. Если это ошибка, напишите в поддержку.',
    notShown:
      'Telegram не принял моё сообщение. Деньги и заказы на месте. Откройте меню: /start. Если не поможет, напишите в поддержку (/support) и назовите код.',
    withoutButtons: 'Кнопки — в меню: /start.',
    noInvoice: (amount) =>
      `Telegram не принял счёт на ${money(amount)}. Ничего не списано. Попробуйте другую сумму (/balance) или чуть позже. Если не поможет, напишите в поддержку (/support) и назовите код.`,
  },
}
