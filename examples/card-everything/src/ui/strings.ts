import type { Consent, EngineName, Reason, Shadow } from 'graysync'

export type Language = 'en' | 'zh'

export interface Strings {
  allCards: string
  unfiled: string
  folders: string
  tags: string
  search: string
  searchHint: string
  newCard: string
  newFolder: string
  folderName: string
  renameFolder(name: string): string
  deleteFolder(name: string): string
  deleteTag(name: string): string
  addInside(name: string): string
  openFolders: string
  settings: string
  feedback: string
  close: string
  cancel: string
  save: string
  remove: string
  edit(title: string): string
  flip(title: string): string
  untitled: string
  front: string
  text: string
  answer: string
  noAnswer: string
  folder: string
  noFolder: string
  addTag: string
  removeTag(name: string): string
  pictures: string
  addPicture: string
  removePicture(name: string): string
  badPicture(name: string): string
  title: string
  cardsFound(count: number): string
  nothingYet: string
  nothingFound: string
  showMore: string
  reading: string
  syncStatus: string
  engine: Record<EngineName, string>
  noEngine: string
  handingOver: string
  halted: string
  starting: string
  reason: Record<Reason, string>
  waiting(count: number): string
  allSent: string
  online: string
  offline: string
  reloadWanted: string
  reloadRequired: string
  reload: string
  blocked(fix: string): string
  notSaved: string
  account: string
  userId: string
  signIn: string
  signOut: string
  signedOut: string
  badUserId: string
  language: string
  syncEngine: string
  preference: Record<EngineName | 'none', string>
  preferenceHint: string
  consentTitle: string
  consentAsk: string
  consent: Record<Consent, string>
  allow: string
  deny: string
  data: string
  compareServer: string
  comparing(done: number): string
  sameData: string
  differentData: string
  unfinishedAudit: string
  auditFailed(message: string): string
  repairPlan(put: number, change: number, remove: number): string
  repairNow: string
  repairUndo: string
  repaired(done: number, outdated: number, differing: number): string
  auditColumns: readonly [string, string, string, string, string, string]
  fields: string
  shadow: Record<Shadow['state'], (engine: string) => string>
  shadowCompared(rows: number, differing: number): string
  supportFile: string
  why: string
  yes: string
  no: string
  newVersion: string
  update: string
  seeding(done: number, total: number): string
}

const en: Strings = {
  allCards: 'All cards',
  unfiled: 'Not filed',
  folders: 'Folders',
  tags: 'Tags',
  search: 'Search cards',
  searchHint: 'Search  ( / )',
  newCard: 'New card',
  newFolder: 'New folder',
  folderName: 'Name of the folder',
  renameFolder: (name) => `Rename folder ${name}`,
  deleteFolder: (name) => `Delete folder ${name}`,
  deleteTag: (name) => `Delete tag ${name}`,
  addInside: (name) => `New folder in ${name}`,
  openFolders: 'Show folders and tags',
  settings: 'Settings',
  feedback: 'Feedback',
  close: 'Close',
  cancel: 'Cancel',
  save: 'Save',
  remove: 'Delete',
  edit: (title) => `Edit ${title}`,
  flip: (title) => `Turn ${title} over`,
  untitled: 'Untitled',
  front: 'Title',
  text: 'Text',
  answer: 'Back of the card',
  noAnswer: 'Nothing on the back yet.',
  folder: 'Folder',
  noFolder: 'None',
  addTag: 'Add a tag',
  removeTag: (name) => `Take tag ${name} off`,
  pictures: 'Pictures',
  addPicture: 'Add pictures',
  removePicture: (name) => `Take ${name} off`,
  badPicture: (name) => `${name} is not a picture that this browser can read.`,
  title: 'CardEverything',
  cardsFound: (count) => (count === 1 ? '1 card' : `${count} cards`),
  nothingYet: 'No cards yet. Write the first one.',
  nothingFound: 'No card matches.',
  showMore: 'Show more',
  reading: 'Opening your cards…',
  syncStatus: 'Sync status',
  engine: { legacy: 'Legacy engine', refactored: 'New engine' },
  noEngine: 'No engine runs',
  handingOver: 'Changing engines…',
  halted: 'Sync has stopped',
  starting: 'Starting…',
  reason: {
    NO_ROLLOUT: 'No rollout is known, so nothing changes.',
    KILLED: 'The rollout was stopped for everybody.',
    ROLLED_BACK: 'The new engine had trouble here, so this device went back.',
    UNSUPPORTED: 'This device cannot run the new engine.',
    OVERRIDDEN: 'A developer chose this engine.',
    DENIED: 'This user is kept on the legacy engine.',
    OPTED_OUT: 'You chose the legacy engine.',
    ALLOWED: 'This user is on the list for the new engine.',
    OPTED_IN: 'You chose the new engine.',
    KEPT: 'You are on the new engine already and stay there.',
    HELD_OUT: 'You are in the group that stays, for comparison.',
    BEFORE_FIRST_STAGE: 'The rollout has not begun.',
    NOT_TARGETED: 'The rollout is for other users at this stage.',
    NOT_ADMITTED: 'The rollout admits nobody new at the moment.',
    IN_SHARE: 'You are in the share that gets the new engine.',
    OUT_OF_SHARE: 'Your turn for the new engine has not come yet.',
  },
  waiting: (count) =>
    count === 1 ? '1 change waits to be sent' : `${count} changes wait to be sent`,
  allSent: 'All changes are sent',
  online: 'Online',
  offline: 'Offline',
  reloadWanted: 'Another engine is ready for you.',
  reloadRequired: 'This version of the app is too old to sync.',
  reload: 'Reload',
  blocked: (fix) => `What to do: ${fix}`,
  notSaved: 'This change could not be saved on this device.',
  account: 'Account',
  userId: 'User id',
  signIn: 'Sign in',
  signOut: 'Sign out',
  signedOut: 'Nobody is signed in: cards stay on this device.',
  badUserId: 'A user id is a UUID.',
  language: 'Language',
  syncEngine: 'Sync engine',
  preference: {
    none: 'Let the rollout decide',
    refactored: 'Try the new engine',
    legacy: 'Stay on the legacy engine',
  },
  preferenceHint:
    'A change takes effect after a reload, and only where the rollout allows a choice.',
  consentTitle: 'Usage data',
  consentAsk:
    'May this app send how syncing goes (counts, times, errors; never your cards) to its makers?',
  consent: { granted: 'Allowed', pending: 'Not answered', denied: 'Not allowed' },
  allow: 'Allow',
  deny: 'Don’t allow',
  data: 'Data',
  compareServer: 'Compare with the server',
  comparing: (done) => `Comparing… ${done} rows`,
  sameData: 'Both hold the same.',
  differentData: 'They differ.',
  unfinishedAudit: 'The comparison did not reach the end.',
  auditFailed: (message) => `The comparison failed: ${message}`,
  repairPlan: (put, change, remove) =>
    `To make this device equal to the server: rows added ${put}, changed ${change}, removed ${remove}.`,
  repairNow: 'Repair this device',
  repairUndo: 'Undo the repair',
  repaired: (done, outdated, differing) =>
    `Rows done ${done}; changed since and left alone ${outdated}; different now ${differing}.`,
  auditColumns: ['Table', 'Compared', 'Missing', 'Extra', 'Changed', 'In flight'],
  fields: 'Fields that differ',
  shadow: {
    filling: (engine) => `${engine} is being filled, to be compared.`,
    running: (engine) => `${engine} runs along unseen, and is compared.`,
    off: (engine) => `${engine} ran along unseen, and was switched off.`,
  },
  shadowCompared: (rows, differing) =>
    differing === 0 ? `${rows} rows, all the same.` : `${rows} rows, ${differing} differ.`,
  supportFile: 'Save support file',
  why: 'How it was decided',
  yes: 'yes',
  no: 'no',
  newVersion: 'A new version of the app is ready.',
  update: 'Update',
  seeding: (done, total) => `Writing demo data: ${done} of ${total}`,
}

const zh: Strings = {
  allCards: '全部卡片',
  unfiled: '未归类',
  folders: '文件夹',
  tags: '标签',
  search: '搜索卡片',
  searchHint: '搜索（ / ）',
  newCard: '新建卡片',
  newFolder: '新建文件夹',
  folderName: '文件夹名称',
  renameFolder: (name) => `重命名文件夹 ${name}`,
  deleteFolder: (name) => `删除文件夹 ${name}`,
  deleteTag: (name) => `删除标签 ${name}`,
  addInside: (name) => `在 ${name} 中新建文件夹`,
  openFolders: '显示文件夹和标签',
  settings: '设置',
  feedback: '反馈',
  close: '关闭',
  cancel: '取消',
  save: '保存',
  remove: '删除',
  edit: (title) => `编辑 ${title}`,
  flip: (title) => `翻转 ${title}`,
  untitled: '无标题',
  front: '标题',
  text: '正文',
  answer: '卡片背面',
  noAnswer: '背面还没有内容。',
  folder: '文件夹',
  noFolder: '无',
  addTag: '添加标签',
  removeTag: (name) => `去掉标签 ${name}`,
  pictures: '图片',
  addPicture: '添加图片',
  removePicture: (name) => `去掉 ${name}`,
  badPicture: (name) => `${name} 不是此浏览器能读取的图片。`,
  title: 'CardEverything',
  cardsFound: (count) => `${count} 张卡片`,
  nothingYet: '还没有卡片，写第一张吧。',
  nothingFound: '没有符合的卡片。',
  showMore: '显示更多',
  reading: '正在打开卡片…',
  syncStatus: '同步状态',
  engine: { legacy: '旧引擎', refactored: '新引擎' },
  noEngine: '没有引擎在运行',
  handingOver: '正在切换引擎…',
  halted: '同步已停止',
  starting: '正在启动…',
  reason: {
    NO_ROLLOUT: '没有可用的发布配置，保持不变。',
    KILLED: '此次发布已对所有人停止。',
    ROLLED_BACK: '新引擎在此设备上出现问题，已退回。',
    UNSUPPORTED: '此设备无法运行新引擎。',
    OVERRIDDEN: '开发者指定了此引擎。',
    DENIED: '此用户保留在旧引擎上。',
    OPTED_OUT: '您选择了旧引擎。',
    ALLOWED: '此用户在新引擎名单中。',
    OPTED_IN: '您选择了新引擎。',
    KEPT: '您已在新引擎上，继续使用。',
    HELD_OUT: '您在对照组中，暂不更换。',
    BEFORE_FIRST_STAGE: '发布尚未开始。',
    NOT_TARGETED: '当前阶段面向其他用户。',
    NOT_ADMITTED: '目前暂不接纳新用户。',
    IN_SHARE: '您在使用新引擎的用户范围内。',
    OUT_OF_SHARE: '还没有轮到您使用新引擎。',
  },
  waiting: (count) => `${count} 项更改等待发送`,
  allSent: '所有更改都已发送',
  online: '在线',
  offline: '离线',
  reloadWanted: '已为您准备好另一个引擎。',
  reloadRequired: '此版本过旧，无法同步。',
  reload: '重新加载',
  blocked: (fix) => `处理办法：${fix}`,
  notSaved: '此更改无法保存在本设备上。',
  account: '账户',
  userId: '用户 ID',
  signIn: '登录',
  signOut: '退出登录',
  signedOut: '当前未登录：卡片只保存在本设备上。',
  badUserId: '用户 ID 必须是 UUID。',
  language: '语言',
  syncEngine: '同步引擎',
  preference: {
    none: '由发布配置决定',
    refactored: '试用新引擎',
    legacy: '保留旧引擎',
  },
  preferenceHint: '更改在重新加载后生效，并且仅当发布配置允许选择时有效。',
  consentTitle: '使用数据',
  consentAsk: '是否允许本应用把同步情况（次数、耗时、错误，绝不包括卡片内容）发送给开发者？',
  consent: { granted: '已允许', pending: '未回答', denied: '未允许' },
  allow: '允许',
  deny: '不允许',
  data: '数据',
  compareServer: '与服务器比较',
  comparing: (done) => `正在比较… ${done} 行`,
  sameData: '两边数据一致。',
  differentData: '两边数据不同。',
  unfinishedAudit: '比较没有完成。',
  auditFailed: (message) => `比较失败：${message}`,
  repairPlan: (put, change, remove) =>
    `要与服务器一致，本机将新增 ${put} 行、修改 ${change} 行、删除 ${remove} 行。`,
  repairNow: '修复本机',
  repairUndo: '撤销修复',
  repaired: (done, outdated, differing) =>
    `已处理 ${done} 行；${outdated} 行此后有改动，未动；现有 ${differing} 行不同。`,
  auditColumns: ['表', '已比较', '缺少', '多出', '不同', '发送中'],
  fields: '不同的字段',
  shadow: {
    filling: (engine) => `正在填充${engine}，以便比较。`,
    running: (engine) => `${engine}在后台同时运行，并与当前引擎比较。`,
    off: (engine) => `${engine}曾在后台同时运行，现已关闭。`,
  },
  shadowCompared: (rows, differing) =>
    differing === 0 ? `${rows} 行，全部相同。` : `${rows} 行，其中 ${differing} 行不同。`,
  supportFile: '保存支持文件',
  why: '决定过程',
  yes: '是',
  no: '否',
  newVersion: '应用有新版本。',
  update: '更新',
  seeding: (done, total) => `正在写入演示数据：${done} / ${total}`,
}

export const STRINGS: Record<Language, Strings> = { en, zh }
