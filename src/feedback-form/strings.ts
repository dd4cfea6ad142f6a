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
  needsScore: string
  file: string
  removeFile: string
  fileRefused: string
  before: string
  waiting: string
  sent: string
  refused: string
  unsent: string
  csat: string
  nps: string
  npsLow: string
  npsHigh: string
  comment: string
  notNow: string
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
  needsScore: 'Please choose an answer.',
  file: 'A picture or file (you can paste one)',
  removeFile: 'Take the file off',
  fileRefused: 'Only pictures, text, JSON and PDF of at most 5 MB can be sent.',
  before: 'What you said before',
  waiting: 'Saved here, not sent yet',
  sent: 'Sent',
  refused: 'Could not be delivered',
  unsent: 'Not sent',
  csat: 'How satisfied are you with this app?',
  nps: 'How likely are you to recommend this app?',
  npsLow: '0: not at all',
  npsHigh: '10: certainly',
  comment: 'Why? (if you like)',
  notNow: 'Not now',
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
  needsScore: '请选择一个答案。',
  file: '图片或文件（可直接粘贴）',
  removeFile: '移除文件',
  fileRefused: '只能发送不超过 5 MB 的图片、文本、JSON 或 PDF。',
  before: '您之前的反馈',
  waiting: '已保存在本设备，尚未发送',
  sent: '已发送',
  refused: '未能送达',
  unsent: '未发送',
  csat: '您对本应用的满意程度如何？',
  nps: '您有多大可能推荐本应用？',
  npsLow: '0：完全不会',
  npsHigh: '10：一定会',
  comment: '为什么？（可不填）',
  notNow: '以后再说',
}

/** The strings of a language tag; English where there are none of its own. */
export function stringsOf(lang: string, own: Partial<FeedbackStrings>): FeedbackStrings {
  const base = /^zh(?![a-z])/i.test(lang) ? chinese : english
  return { ...base, ...own }
}
