/** What generated cards are about: a question and its answer, and the tags that fit. */
export interface Fact {
  title: string
  text: string
  answer: string
  tags: readonly string[]
}

export const FACTS: readonly Fact[] = [
  {
    title: 'Why is the sky blue?',
    text: 'Think of which colours of sunlight the air scatters most.',
    answer: 'Air molecules scatter short wavelengths more, so blue reaches us from everywhere.',
    tags: ['physics', 'nature'],
  },
  {
    title: '光合作用需要什么？',
    text: '三样东西，缺一不可。',
    answer: '阳光、水和二氧化碳；产物是葡萄糖和氧气。',
    tags: ['生物', '自然'],
  },
  {
    title: 'HTTP 409',
    text: 'What does this status tell a client?',
    answer: 'Conflict: the request clashes with the present state of the resource.',
    tags: ['web', 'work'],
  },
  {
    title: '“塞翁失马”是什么意思？',
    text: '出自《淮南子》。',
    answer: '坏事有时会变成好事：福祸相依。',
    tags: ['成语', '中文'],
  },
  {
    title: 'Sourdough, day one',
    text: 'How much flour and how much water?',
    answer: '50 g of rye flour and 50 g of lukewarm water; stir, cover, wait a day.',
    tags: ['cooking'],
  },
  {
    title: '番茄炒蛋',
    text: '先炒什么？',
    answer: '先炒蛋，盛出；再炒番茄出汁，最后把蛋倒回去，加一点糖。',
    tags: ['菜谱', 'cooking'],
  },
  {
    title: 'Big-O of a binary search',
    text: 'n sorted items.',
    answer: 'O(log n): each step halves what is left.',
    tags: ['algorithms', 'work'],
  },
  {
    title: '长江有多长？',
    text: '亚洲第一，世界第三。',
    answer: '约 6,300 公里，从青海流到上海。',
    tags: ['地理', '自然'],
  },
  {
    title: 'Rayleigh’s criterion',
    text: 'When are two stars told apart?',
    answer: 'When the peak of one falls on the first dark ring of the other: 1.22 λ / D.',
    tags: ['physics', 'astronomy'],
  },
  {
    title: '“学而时习之”出自哪里？',
    text: '下一句是什么？',
    answer: '《论语·学而》：不亦说乎。',
    tags: ['中文', '古文'],
  },
  {
    title: 'Passport photo',
    text: 'Size for the Schengen visa?',
    answer: '35 × 45 mm, taken within six months, light background.',
    tags: ['travel'],
  },
  {
    title: '“你好” in Cantonese',
    text: 'Say it, don’t write it.',
    answer: '你好 — néih hóu. Same characters, another sound. 👋',
    tags: ['language', '中文'],
  },
  {
    title: 'Mitosis or meiosis?',
    text: 'Which one makes four cells?',
    answer: 'Meiosis: two divisions, four cells with half of the chromosomes.',
    tags: ['biology'],
  },
  {
    title: '索引为什么快？',
    text: '数据库里的 B+ 树。',
    answer: '树很矮：几次读盘就能找到一行，叶子连成链表，范围查询也快。',
    tags: ['algorithms', '数据库'],
  },
  {
    title: 'Café vocabulary',
    text: 'Order an oat flat white in Spanish.',
    answer: 'Un flat white con leche de avena, por favor. ¡Gracias!',
    tags: ['language', 'travel'],
  },
  {
    title: '勾股定理',
    text: '勾三股四弦几？',
    answer: '弦五：3² + 4² = 5²。',
    tags: ['数学'],
  },
]

export const FOLDER_NAMES: readonly string[] = [
  'Inbox',
  '学习',
  'Physics',
  '语文',
  'Recipes 菜谱',
  'Travel',
  '工作',
  'Reading list',
  '数学',
  'Languages',
  '生活',
  'Archive',
]

export const TAG_COLORS: readonly string[] = [
  '#0f766e',
  '#b45309',
  '#6d28d9',
  '#be123c',
  '#1d4ed8',
  '#4d7c0f',
]
