// What the page itself says, in English and Russian. What the bot says comes from the bot.

const ENGLISH = {
  lead: "Play every role",
  intro: "Telegram and Stripe are stand-ins, the rest is real. Begin as {name}: press START and answer. A dot shows who got something new: press that name.",
  introEmpty: "Nobody lives here yet. Add a person to begin.",
  help: "How to play",
  close: "Close",
  ok: "OK",
  live: "live",
  lost: "no connection, trying again",
  people: "People on the page",
  clock: "Time in this town",
  hour: "+1 hour",
  day: "+1 day",
  days: "+{n} days",
  jump: "Let time jump forward",
  add: "Add",
  addPerson: "A person",
  addGroup: "A group",
  name: "First name",
  part: "Part",
  language: "Language of the app",
  title: "Title",
  creator: "Made by",
  hidden: "New members cannot read what was written before",
  create: "Create",
  nobody: "Choose people above to see their phones.",
  chats: "Chats",
  write: "Message",
  send: "Send",
  attach: "Attach a file",
  commands: "Commands of the bot",
  noCommands: "The bot has no commands",
  photo: "Photo…",
  document: "Document…",
  samplePhoto: "A sample photo",
  samplePdf: "A sample PDF",
  start: "START",
  startLink: "START (a link was opened)",
  unblock: "UNBLOCK",
  block: "Block the bot",
  unblockBot: "Unblock the bot",
  hide: "Hide this phone",
  more: "More",
  edit: "Edit",
  erase: "Delete for everyone",
  editing: "Editing a message",
  edited: "edited",
  protected: "Protected: cannot be copied, saved or forwarded",
  emptyNew: "What can this bot do?",
  emptyGone: "Nothing is left in this chat.",
  members: "Members",
  leave: "Leave the group",
  remove: "Remove {name}",
  joinAs: "Add {name}",
  addBot: "Add the bot as administrator",
  removeBot: "Remove the bot",
  showHistory: "Show history to new members",
  hideHistory: "Hide history from new members",
  openAs: "Open this link as",
  joined: "{name} joined",
  left: "{name} left",
  pinned: "a message was pinned",
  paid: "{n} ⭐ paid",
  paidBack: "{n} ⭐ paid back",
  payStars: "Pay with Telegram Stars?",
  pay: "Pay",
  created: "the group was created",
  moved: "the group became a supergroup",
  refused: "That is not possible: {why}",
  step: "step {step} of {steps}",
  follow: "Show who acts",
  news: "something new",
  parts: {
    applicant: "Applicant", reviewer: "Reviewers", treasurer: "Treasurers", coordinator: "Coordinators",
    newcomer: "Newcomers", donor: "Donors", "": "Others",
  },
  one: {
    applicant: "applicant", reviewer: "reviewer", treasurer: "treasurer", coordinator: "coordinator",
    newcomer: "newcomer", donor: "donor", "": "",
  },
  steps: [
    ["Ask for help", "{applicant}: press START, then answer the questions. Typed answers vanish as soon as they are stored; that is meant to be."],
    ["Decide", "A panel of three is drawn from the reviewers. Its members find the card in the group: read the story, ask a question, vote. Other reviewers are told that it is not theirs."],
    ["Pay", "{treasurer}: open the home screen with /start and look at the payout desk: claim, see where the money goes, confirm with a reference."],
    ["Let time pass", "Press +3 days: the fund asks {applicant} whether the money arrived. The answer may also be that it did not, or that there is danger."],
    ["Run the fund", "{coordinator}: /desk shows the queue and the money, and makes invitation links. Press such a link to open it as somebody else."],
    ["Give", "{donor}: send /donate and give once, monthly or in stars; no real money moves. /gifts shows what became of it."],
    ["Break things", "Block the bot, leave the group, press an old button, change the language, delete messages, be two people at once. Nothing here is precious."],
  ],
};

const RUSSIAN = {
  lead: "Сыграйте все роли",
  intro: "Ненастоящие здесь только Telegram и Stripe. Начните ({name}): нажмите «СТАРТ» и отвечайте. Точка отмечает, кому пришло новое: нажмите на имя.",
  introEmpty: "Здесь пока никого. Добавьте человека, чтобы начать.",
  help: "Как играть",
  close: "Закрыть",
  ok: "Хорошо",
  live: "на связи",
  lost: "нет связи, пробуем снова",
  people: "Люди на странице",
  clock: "Время в этом городе",
  hour: "+1 час",
  day: "+1 день",
  days: "+{n} дн.",
  jump: "Перевести время вперёд",
  add: "Добавить",
  addPerson: "Человека",
  addGroup: "Группу",
  name: "Имя",
  part: "Роль",
  language: "Язык приложения",
  title: "Название",
  creator: "Создаёт",
  hidden: "Новые участники не видят написанного раньше",
  create: "Создать",
  nobody: "Выберите людей наверху, чтобы увидеть их телефоны.",
  chats: "Чаты",
  write: "Сообщение",
  send: "Отправить",
  attach: "Прикрепить файл",
  commands: "Команды бота",
  noCommands: "У бота нет команд",
  photo: "Фото…",
  document: "Документ…",
  samplePhoto: "Фото для примера",
  samplePdf: "PDF для примера",
  start: "СТАРТ",
  startLink: "СТАРТ (открыта ссылка)",
  unblock: "РАЗБЛОКИРОВАТЬ",
  block: "Заблокировать бота",
  unblockBot: "Разблокировать бота",
  hide: "Убрать этот телефон",
  more: "Ещё",
  edit: "Изменить",
  erase: "Удалить у всех",
  editing: "Правка сообщения",
  edited: "изменено",
  protected: "Защищено: нельзя скопировать, сохранить, переслать",
  emptyNew: "Что умеет этот бот?",
  emptyGone: "В этом чате ничего не осталось.",
  members: "Участники",
  leave: "Выйти из группы",
  remove: "Исключить: {name}",
  joinAs: "Добавить: {name}",
  addBot: "Добавить бота администратором",
  removeBot: "Убрать бота",
  showHistory: "Показывать историю новым участникам",
  hideHistory: "Скрывать историю от новых участников",
  openAs: "Открыть ссылку от имени",
  joined: "{name}: теперь в группе",
  left: "{name}: больше не в группе",
  pinned: "сообщение закреплено",
  paid: "уплачено: {n} ⭐",
  paidBack: "возвращено: {n} ⭐",
  payStars: "Заплатить звёздами Telegram?",
  pay: "Заплатить",
  created: "группа создана",
  moved: "группа стала супергруппой",
  refused: "Так нельзя: {why}",
  step: "шаг {step} из {steps}",
  follow: "Показывать, кто действует",
  news: "новое",
  parts: {
    applicant: "Просит", reviewer: "Проверяющие", treasurer: "Казначеи", coordinator: "Координаторы",
    newcomer: "Новенькие", donor: "Доноры", "": "Другие",
  },
  one: {
    applicant: "просит о помощи", reviewer: "проверяющий", treasurer: "казначей", coordinator: "координатор",
    newcomer: "новый человек", donor: "донор", "": "",
  },
  steps: [
    ["Попросите о помощи", "{applicant}: нажмите «СТАРТ» и отвечайте на вопросы. Набранные ответы исчезают, как только сохранены: так задумано."],
    ["Решите", "Из проверяющих по жребию выбирают троих. В группе они видят карточку: прочтите историю, задайте вопрос, проголосуйте. Остальным скажут, что дело не их."],
    ["Заплатите", "{treasurer}: откройте /start и стол выплат: взять, увидеть, куда платить, подтвердить."],
    ["Пусть пройдёт время", "Нажмите «+3 дн.»: фонд спросит, дошли ли деньги ({applicant}). Ответ может быть и другим: не дошли, опасность."],
    ["Управляйте фондом", "{coordinator}: /desk показывает очередь и деньги и создаёт ссылки-приглашения. Нажмите на такую ссылку, чтобы открыть её от имени другого."],
    ["Пожертвуйте", "{donor}: /donate — разово, ежемесячно или звёздами; деньги ненастоящие. /gifts покажет, что с ними стало."],
    ["Ломайте", "Заблокируйте бота, выйдите из группы, нажмите старую кнопку, смените язык, удаляйте сообщения. Здесь ничего не жалко."],
  ],
};

const KEY = "plecho.language";
export const language = localStorage.getItem(KEY) ?? (navigator.language.startsWith("ru") ? "ru" : "en");
const WORDS = language === "ru" ? RUSSIAN : ENGLISH;

/** Return the words of `key` with `{name}` places filled in. */
export function t(key, values = {}) {
  return fill(WORDS[key], values);
}

/** Fill the `{name}` places of a text. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** Name a part: of several people as a heading, or of one. A part unknown here is shown as it is. */
export const heading = (part) => WORDS.parts[part] ?? part;
export const partOf = (part) => WORDS.one[part] ?? part;
export const lessons = () => WORDS.steps;

/** Let the page speak the other language from now on. */
export function switchLanguage() {
  localStorage.setItem(KEY, language === "ru" ? "en" : "ru");
  location.reload();
}

const TIME = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "long" });
const MOMENT = new Intl.DateTimeFormat(language, {
  weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

export const timeOf = (seconds) => TIME.format(seconds * 1000);
export const dayOf = (seconds) => DAY.format(seconds * 1000);
export const momentOf = (seconds) => MOMENT.format(seconds * 1000);
