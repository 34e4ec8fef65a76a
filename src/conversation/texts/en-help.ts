import type { Texts } from './texts.ts'

/** The longer reading: help, support, terms, privacy. Every sentence is a promise that the program keeps. */
export const helpEn: Pick<Texts, 'help' | 'support' | 'terms' | 'privacy'> = {
  help: {
    title: 'How it works',
    how: [
      'Pick a model and write what to draw. If the model works from a photo, send one.',
      'See the exact price and press “Run”.',
      'No need to wait at the screen: the result comes here by itself.',
    ],
    questions: (daily) => [
      {
        ask: 'When am I charged?',
        answer:
          'Running reserves the price; it is taken once the result is in your chat. If it does not work out, it goes straight back to your balance.',
      },
      {
        ask: 'What is free?',
        answer:
          daily > 0
            ? `Models marked 🆓: up to ${daily} a day. The counter starts anew every day, and nothing paid ever runs without your say.`
            : 'There are no free daily generations at the moment. You always see the price before running.',
      },
      {
        ask: 'Can I cancel?',
        answer:
          'Until the order is handed to the model, yes, free of charge. After that no: the work is under way, the result will come and is paid for.',
      },
      {
        ask: 'Why does it take so long?',
        answer:
          'It depends on the model and its queue. Even when it takes longer than usual, I keep watching and send the result.',
      },
      {
        ask: 'Something broke?',
        answer: 'The error message shows a code of eight characters. Give it to support: it finds the whole story.',
      },
    ],
    pages: { support: '💬 Support', terms: '📜 Terms', privacy: '🔒 Privacy' },
    contact: (contact) => `Support: ${contact}`,
    noContact: 'The owner of this bot has not given a support contact yet.',
  },
  support: {
    title: 'Support',
    text: 'Describe what happened and add the code from the message, if there is one.',
    payments:
      'For questions about Stars payments, give the date and the amount: every payment is recorded and found by them.',
  },
  terms: {
    title: 'Terms',
    rules: [
      'The exact price stands on the “Run” button and holds for 30 minutes.',
      'You pay for a result delivered to this chat. If there is no result, the reserved amount goes back to your balance. If only a part of your order arrives, you pay for that part.',
      'If you have blocked the bot, a finished result waits for you here; after 7 days it counts as delivered.',
      'Once the order is handed to the model it cannot be cancelled.',
      'If the model finishes after your money went back, the result is yours for free.',
      'The balance is topped up with Telegram Stars and does not expire. Support decides on refunds.',
      'Requests pass the model’s content check. What it declines is not charged.',
      'You are responsible for your descriptions and the photos you send.',
    ],
  },
  privacy: {
    title: 'Privacy',
    rules: [
      'The bot keeps: your Telegram id and name, your language, descriptions and settings of orders, Telegram’s references to files, payments.',
      'Descriptions and photos you send are handed to KIE.ai, only to carry out the order.',
      'Incoming messages are kept for 7 days to look into failures, then deleted.',
      'Payment records are kept as long as the bot works: the balance is computed from them.',
      'To learn what is recorded about you, or to ask for deletion, write to support.',
    ],
  },
}
