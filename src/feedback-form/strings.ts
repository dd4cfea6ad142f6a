/** Every text of the form; a host may give its own. */
export interface FeedbackStrings {
  open: string
  title: string
  text: string
  rating: string
  rating1: string
  rating2: string
  rating3: string
  rating4: string
  rating5: string
  category: string
  bug: string
  idea: string
  question: string
  praise: string
  other: string
  severity: string
  low: string
  medium: string
  high: string
  mayContact: string
  contact: string
  context: string
  send: string
  cancel: string
  close: string
  saved: string
  queued: string
  failed: string
  needsText: string
  needsContact: string
}

const english: FeedbackStrings = {
  open: 'Feedback',
  title: 'Tell us what you think',
  text: 'Your message',
  rating: 'How satisfied are you?',
  rating1: 'Very unsatisfied',
  rating2: 'Unsatisfied',
  rating3: 'So-so',
  rating4: 'Satisfied',
  rating5: 'Very satisfied',
  category: 'What is it about?',
  bug: 'Something is broken',
  idea: 'An idea',
  question: 'A question',
  praise: 'Praise',
  other: 'Something else',
  severity: 'How bad is it?',
  low: 'A nuisance',
  medium: 'It slows me down',
  high: 'I can’t go on',
  mayContact: 'You may contact me about this',
  contact: 'How to reach you',
  context: 'This goes along; untick what shall not',
  send: 'Send',
  cancel: 'Cancel',
  close: 'Close',
  saved: 'Thank you. Saved on this device; it will be sent.',
  queued: 'Thank you. It will be sent while this page is open.',
  failed: 'This could not be saved. Your text is still here; please try again.',
  needsText: 'Please write a message or choose how satisfied you are.',
  needsContact: 'Please say how to reach you, or untick that you may be contacted.',
}

const chinese: FeedbackStrings = {
  open: '反馈',
  title: '告诉我们您的想法',
  text: '您的留言',
  rating: '您的满意程度如何？',
  rating1: '非常不满意',
  rating2: '不满意',
  rating3: '一般',
  rating4: '满意',
  rating5: '非常满意',
  category: '关于什么？',
  bug: '有东西出错了',
  idea: '一个想法',
  question: '一个问题',
  praise: '表扬',
  other: '其他',
  severity: '影响有多大？',
  low: '有点烦人',
  medium: '影响我的进度',
  high: '我无法继续',
  mayContact: '可以就此联系我',
  contact: '联系方式',
  context: '以下信息会一并发送；不想发送的请取消勾选',
  send: '发送',
  cancel: '取消',
  close: '关闭',
  saved: '谢谢。已保存在本设备上，将会发送。',
  queued: '谢谢。只要本页面开着，就会发送。',
  failed: '未能保存。您的内容仍在这里，请重试。',
  needsText: '请写下留言，或选择满意程度。',
  needsContact: '请填写联系方式，或取消允许联系的勾选。',
}

/** The strings of a language tag; English where there are none of its own. */
export function stringsOf(lang: string, own: Partial<FeedbackStrings>): FeedbackStrings {
  const base = /^zh\b/i.test(lang) ? chinese : english
  return { ...base, ...own }
}
