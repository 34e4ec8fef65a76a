import { helpEn } from './en-help.ts'
import { noticesEn, refusalsEn } from './en-notices.ts'
import { characters, comesBack, generations, isUsed, megabytes, money, number, pictures, units } from './en-words.ts'
import { formatDate, formatDuration, formatRange, inSentence } from './format.ts'
import type { Texts } from './texts.ts'

/** Everything the service says in English. */
export const en: Texts = {
  language: 'en',
  money,
  date: (at, timezone) => formatDate(at, timezone, 'en'),
  duration: (ms) => formatDuration(ms, units),
  range: (fromMs, toMs) => formatRange(fromMs, toMs, units),
  number,
  generations,
  pictures,
  characters,
  yes: 'Yes',
  no: 'No',
  code: 'Code',

  keyboardGone: 'The buttons are right under the messages now.',
  buttons: {
    home: '🏠 Menu',
    back: '‹ Back',
    free: (n) => (n > 0 ? `🆓 Free · ${number(n)} left` : '🆓 Free models'),
    balance: (balance) => `💳 Balance · ${money(balance)}`,
    history: '🕘 My pictures',
    help: '❓ Help',
    language: '🌐 Language · Язык',
    referral: '🤝 Invite a friend',
    all: 'All',
    start: '▶️ Start',
    carryOn: '▶️ Continue',
    settings: '⚙️ Settings',
    change: '⚙️ Change',
    done: '✅ Done',
    reset: '🗑 Start over',
    skip: 'Skip',
    keep: 'Keep as it is',
    enough: '✅ That’s all, go on',
    removePictures: '🗑 Remove pictures',
    run: (price) => `Run · ${price}`,
    runFree: 'Run · free',
    topUp: '💳 Top up',
    topUpBy: (amount) => `💳 Top up by ${money(amount)}`,
    otherAmount: 'Another amount',
    topUpAmount: (amount, stars) => `${money(amount)} · ${number(stars)} ⭐`,
    cancel: '✖️ Cancel',
    hideProgress: '🔕 Hide progress',
    again: '🔄 Again',
    retry: '🔄 Try again',
    edit: '✏️ Change and repeat',
    original: '📄 Original as a file',
    resend: '🖼 Send it again',
    toOrder: '‹ Back to the order',
    models: '🎨 Pick a model',
    writeToSupport: '💬 Write to support',
    share: '📨 Share the link',
  },
  categories: { image: '🎨 Pictures and design', video: '🎬 Video', audio: '🎧 Music and speech' },
  kinds: { 'text-to-image': '✍️ From a description', 'image-to-image': '🖼 From a photo' },

  toasts: {
    unknownButton: 'This button no longer exists. Opening the menu.',
    oldButton: 'This button is out of date',
    label: 'This is the page number',
    starting: 'Starting',
    alreadyStarted: 'Already running: one order, one payment. The result comes by itself.',
    startedOver: 'Starting over',
    invoice: 'The invoice is in the next message',
    invoiceSent: 'An invoice for this amount is in the chat already',
    languageSet: 'I speak English now',
    cancelled: (price) => `Cancelled, nothing charged: ${comesBack(price)}.`,
    hidden: (price) =>
      `Progress is hidden. The order is being worked on: the result comes by itself and ${isUsed(price)}.`,
    tooLateToCancel: 'Too late to cancel',
    sending: 'Sending',
    nothingToSend: 'Nothing to send: this order has no result',
  },

  refusals: refusalsEn,
  notices: noticesEn,

  home: {
    hello: (name) => `👋 Hello${name === '' ? '' : `, ${name}`}!`,
    whatItDoes:
      'Describe a picture in words and I will draw it. Or send a photo and I will rework it. You see the price beforehand and pay only for what is done.',
    title: 'Main menu',
    invitation: 'What shall we make?',
    free: ({ today, extra }, daily) =>
      `🆓 Free today: ${today} of ${Math.max(daily, today)}${extra > 0 ? ` and ${extra} bonus` : ''}`,
    balance: (balance) => `💳 Balance: ${money(balance)}`,
  },
  shelf: {
    free: '🆓 Free models',
    tags: 'Pick a model. The button shows the price of one run.',
    freeLeft: (n) => `🆓 can be had for free, ${generations(n)} left today.`,
    noFreeLeft: '🆓 today’s free generations are used up, new ones come tomorrow. Until then at the price shown.',
    empty: 'Nothing here yet.',
    from: (price) => `from ${price}`,
  },
  card: {
    needs: 'What it needs:',
    aPrompt: (max) => `a description, up to ${characters(max)}`,
    somePictures: (min, max) =>
      max === 1
        ? 'one photo'
        : min === max
          ? `photos: ${number(max)}`
          : `photos: ${number(Math.max(1, min))} to ${number(max)}`,
    canBeSet: 'You can set:',
    price: (price) => `Price: ${price}`,
    free: (n) => `🆓 Free now: ${generations(n)} left today`,
    freeUsedUp: '🆓 Today’s free generations are used up, new ones come tomorrow',
    someFree: '🆓 Some of its options are free',
    usually: (range) => `⏱ Usually ${range}`,
    example: 'For example:',
    filled: 'Part of it is filled in already, you can go on.',
    writeNow: '✍️ Write your description right now, in the next message.',
    sendPhotoNow: '🖼 Send your photo right now, in the next message.',
    pressStart: 'Press “Start”.',
  },
  wizard: {
    askPrompt: (max) => `✍️ Describe what it should be. Up to ${characters(max)}.`,
    askText: (label, max) => `✍️ ${label}: write a text of up to ${characters(max)}.`,
    askPictures: (label, min, max, bytes) =>
      max === 1
        ? `🖼 Send the ${inSentence(label)}, up to ${megabytes(bytes)}.`
        : `🖼 Send ${inSentence(label)}: ${min > 1 ? `${number(min)} to ${number(max)}` : `up to ${number(max)}`}, each up to ${megabytes(bytes)}.`,
    picturesSoFar: (count, max) => `So far: ${count} of ${max}.`,
    checking: (count) => `⏳ Checking ${pictures(count)}…`,
    askChoice: (label) => `${label}: pick an option.`,
    askNumber: (label, min, max, step) =>
      `${label}: a number from ${number(min)} to ${number(max)}${step === 1 ? '' : `, in steps of ${number(step)}`}. Press one or type your own.`,
    optional: 'Optional, you can skip it.',
    now: (value) => `Now: ${value}`,
    byDefault: 'up to the model',
    panelTitle: 'Settings',
    panelHint: 'Press what you want to change. A new text replaces the description at once.',
    notSet: 'not set',
  },
  confirm: {
    title: 'Check and run',
    prompt: 'Description',
    price: (price) => `Price: ${price}`,
    isFree: (leftAfter) =>
      `Price: free. ${leftAfter > 0 ? `${generations(leftAfter)} left after this one.` : 'This is the last free one for today.'}`,
    nowPaid: '🆓 Today’s free generations are used up, so the usual price applies. New free ones come tomorrow.',
    balance: (balance, after) => `Balance: ${money(balance)}, ${money(after)} after the run`,
    missing: (balance, missing) =>
      `Balance: ${money(balance)}, which is ${money(missing)} short. Top up and come back here.`,
    ifItFails: (price) =>
      price.unit === 'RUB'
        ? 'If the picture does not work out, the money goes straight back to your balance.'
        : 'If the picture does not work out, you get the free generation back.',
    notSellable: 'The model does not work with these settings. Please change something.',
  },
  progress: {
    sending: '📤 Handing the order to the model',
    canCancel: 'Until it is handed over you can cancel, and nothing is charged.',
    cannotCancel: (price) =>
      `It is being worked on and cannot be cancelled: the result comes by itself and ${isUsed(price)}.`,
    uncertain: (time) =>
      `📡 The connection broke, so I do not know yet whether the order was taken. I am finding out. If that is not clear within ${time}, everything goes back to you.`,
    stages: {
      waiting: '🕐 The order is accepted and waits to start',
      queuing: '🕐 The order is in the queue',
      generating: '🎨 Drawing',
    },
    elapsed: (time) => `${time} so far`,
    usually: (range) => `usually ${range}`,
    unmeasured: 'I cannot say how long: this model has too few measurements yet',
    late: 'Longer than usual. I keep watching and send it the moment it is done.',
    quiet: '🔕 Progress is hidden. The result comes here by itself.',
    delivering: '📦 Done, sending it',
    looking: (price) =>
      `📦 It’s ready, but the file won’t open yet. I keep trying: once it opens, I’ll send it; if it never does, you get your ${price.unit === 'RUB' ? 'money' : 'free generation'} back.`,
    completed: '✅ Done',
    refunded: (price) => `💸 Refunded: ${comesBack(price)}`,
  },
  failed: {
    title: '😔 It did not work out',
    cancelledTitle: '✖️ Cancelled',
    reasons: {
      cancelled: 'You cancelled the order before it was sent.',
      inputs_refused: 'The model did not take this description, picture or setting. Change something and try again.',
      moderated: 'The request did not pass the model’s content rules. Try describing it differently.',
      generation_failed: 'The model started and failed. Simply trying again helps most of the time.',
      provider_unavailable: 'The model is unavailable now. Try again in a few minutes or take another one.',
      input_lost: 'The picture you sent could not be handed over. Please send it again.',
      never_confirmed: 'The model never confirmed that it took the order.',
      lost: 'The model took the order and went silent. I waited as long as promised.',
      undeliverable:
        'The picture was made, but could not be sent: its file does not open, or Telegram does not take it.',
    },
    notCharged: (price) => `Nothing was charged: ${comesBack(price)}.`,
    debtPaid: (amount) => `${money(amount)} of it paid what you owed for returned Stars.`,
    giftComes: '🎁 The picture was made after all. It is on its way, for free.',
    giftLookedFor: '🔎 I’ll keep checking: if the file opens after all, you’ll get it for free.',
    giftCame: '🎁 The picture was made after all, and you got it for free.',
  },
  result: {
    paid: (price) => `Paid ${money(price)}`,
    paidShare: (paid, back) => `Paid ${money(paid)}, ${money(back)} returned`,
    arrived: (sent, ordered) => `🖼 ${number(sent)} of ${number(ordered)} arrived.`,
    lookingFor: (n, price) =>
      `${n === 1 ? 'I’m still looking for one more: its file won’t open yet.' : `I’m still looking for ${number(n)} more: their files won’t open yet.`}${price.unit === 'RUB' ? ' You only pay for what arrives.' : ''}`,
    free: 'Free',
    balance: (balance) => `balance ${money(balance)}`,
    freeLeft: (n) => (n > 0 ? `${generations(n)} left` : 'today’s free ones are used up'),
    gift: '🎁 A gift: the order was already closed without a charge, and the picture was made after all. It is yours.',
    lateGift: '🎁 This one turned up after all. It’s on the house.',
    resultGone:
      'Sorry, this result can’t be sent again: it is no longer kept. You can scroll up to it in this chat, or make a new one.',
    resultAway: 'The result can’t be fetched right now. Please try again a little later.',
    originalAway:
      'The original can’t be downloaded right now: the service that keeps it doesn’t answer. Please try again a bit later.',
    originalGone:
      'The service that made this picture has deleted the original: it keeps files for about two weeks. The picture in the chat stays with you.',
  },
  balance: {
    title: 'Balance',
    amount: (balance) => `💳 ${money(balance)}`,
    freeToday: (n, daily) => `🆓 Free today: ${n} of ${Math.max(daily, n)}`,
    extra: (n) => `🎁 Bonus: ${generations(n)}`,
    explained: 'Money on the balance does not expire and is taken only for a finished result.',
    credited: (amount, balance) => `✅ ${money(amount)} was added. Your balance is ${money(balance)}.`,
    starsTakenBack: (stars, balance) =>
      `↩️ Telegram gave you ${number(stars)} ⭐ back, so the money they bought was taken off. Your balance is ${money(balance)}.`,
    orderRefunded: (back, balance) =>
      back.unit === 'RUB'
        ? `💸 ${money(back.kopecks)} for your order is back. Your balance is ${money(balance)}.`
        : '💸 The free generation of your order is back.',
    reason: (why) => `Reason: ${why}`,
    owed: (debt) =>
      `${money(debt)} of it was not there: it is spent, or waits for the result of an order. The next money that comes to your balance pays it.`,
  },
  topUp: {
    title: 'Top up',
    explained: 'You pay with Telegram Stars. Press an amount and I will send an invoice.',
    typed: (min, max) => `Or type your own amount in roubles, from ${number(min / 100)} to ${number(max / 100)}.`,
  },
  invoice: {
    title: 'Balance top-up',
    description: (amount) => `${money(amount)} for your balance with the bot, added right after the payment.`,
    label: (amount) => `Balance: ${money(amount)}`,
  },
  preCheckout: {
    unknown: 'I do not know this invoice. Open “Top up” and take a new one.',
    foreign: 'This invoice was made for somebody else. Open “Top up” and take your own.',
    closed: 'This invoice is already paid or closed. Open “Top up” and take a new one.',
    expired: 'The invoice is more than a day old. Open “Top up” and take a new one.',
    amount_differs: 'The amount differs from the invoice. Open “Top up” and take a new one.',
  },
  history: {
    title: 'My pictures',
    hint: 'Press an order to see it, get it again or repeat it.',
    empty: 'Your pictures will be here. None yet: a good time to begin.',
  },
  order: {
    title: 'Order',
    states: {
      placed: '⏳ Being handed over',
      submitting: '⏳ Being handed over',
      uncertain: '⏳ Finding out whether it was taken',
      generating: '⏳ Being worked on',
      delivering: '⏳ Done, being sent',
      completed: '✅ Done',
      refunded: '💸 Refunded',
      released: '↩️ Not done, nothing charged',
    },
    price: 'Price',
    free: 'free',
    notFound: 'You have no such order.',
  },
  ...helpEn,
  languages: { title: 'Which language shall we speak?' },
  referral: {
    title: 'Invite a friend',
    notOpen:
      'There is no bonus for invitations yet: the programme is not open. You can invite a friend all the same, here is your link:',
    link: 'The link opens the bot.',
    share: 'A bot that draws from a description and reworks photos',
  },
  trouble: {
    title: '⚠️ Something went wrong',
    text: 'The fault is on my side, and it is recorded. No money is lost: an unfinished order takes nothing. Please try again.',
    banned: 'Access to the bot is closed. If this is a mistake, write to support.',
    notShown:
      'Telegram did not take my message. Your money and orders are safe. Open the menu: /start. If that does not help, write to support (/support) and quote the code.',
    withoutButtons: 'The buttons are in the menu: /start.',
    noInvoice: (amount) =>
      `Telegram did not take the invoice for ${money(amount)}. Nothing was charged. Try another amount (/balance), or try again later. If that does not help, write to support (/support) and quote the code.`,
  },
}
