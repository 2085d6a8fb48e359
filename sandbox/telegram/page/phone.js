// The phone of one person: their chats, the messages of the open one, what they can do there.

import { patch, post } from "./api.js";
import { bubble } from "./bubble.js";
import { Composer } from "./composer.js";
import { avatar, button, el, iconButton } from "./dom.js";
import { attempt, lookAt, openForm, openMenu, select } from "./menus.js";
import { Popups } from "./popups.js";
import { groupMenu } from "./groups.js";
import { dayOf, partOf, t } from "./words.js";

const INVOICE = "https://t.me/$";
const LANGUAGES = [["ru", "RU"], ["en", "EN"], ["de", "DE"]];
const VANISHING_MS = 450;
const NEAR_END = 80;
const WAITING_MS = 10000;

export class Phone {
  #town;
  #resident;
  #chat;
  #link = null;
  #pressed = new Map();
  #answeredEarly = new Set();

  /** Show the phone of `id` in `town`; `hide` takes it off the page. */
  constructor(town, id, hide) {
    this.#town = town;
    this.#resident = town.residents.get(id);
    this.#chat = id;
    this.hide = hide;
    this.tabs = el("nav.tabs", { "aria-label": t("chats") });
    this.list = el("div.messages", { role: "log", "aria-live": "off", tabIndex: 0, "aria-label": t("write") });
    this.composer = new Composer(this);
    this.head = el("header");
    this.element = el("section.phone", { "aria-label": this.person.first_name }, this.head, this.tabs, this.list, this.composer.element);
    this.popups = new Popups(this);
    this.element.dataset.person = id;
    this.#fillHead();
    this.#fillTabs();
    this.#fill();
  }

  get person() {
    return this.#resident.person;
  }

  get id() {
    return this.#resident.id;
  }

  get chat() {
    return this.#chat;
  }

  get town() {
    return this.#town;
  }

  /** A link that was opened and waits for its START. */
  get link() {
    return this.#chat === this.id ? this.#link : null;
  }

  /** Whether this phone shows that chat now. */
  shows(chat) {
    return this.#chat === chat && document.visibilityState === "visible";
  }

  /** Open one of the person's chats. */
  open(chat) {
    if (!this.#resident.rooms.has(chat)) return;
    this.#chat = chat;
    this.#fillTabs();
    this.#fill();
    this.#town.seen(this.id, chat);
  }

  /** Show again who this is and where they may write. */
  refresh() {
    if (!this.#resident.rooms.has(this.#chat)) this.open(this.id);
    this.#fillHead();
    this.#fillTabs();
    this.composer.refresh();
    if (!this.#room.size) this.#fill();
  }

  /** Show a message that is new or has changed. */
  put(chat, view, fresh) {
    if (chat !== this.#chat) return;
    const near = this.list.scrollHeight - this.list.scrollTop - this.list.clientHeight < NEAR_END;
    const old = this.#find(view.id);
    const made = this.#bubble(view);
    if (old) {
      old.replaceWith(made);
      made.classList.add("changed");
    } else {
      if (this.#room.size === 1) this.list.replaceChildren();
      this.#day(view);
      this.list.append(made);
      if (fresh) made.classList.add("arriving");
    }
    if (fresh && view.sender === this.id && view.chat === this.id) this.#link = null;
    if (near || view.sender === this.id) this.toEnd();
    this.composer.refresh();
  }

  /** Let a message vanish. */
  drop(chat, id) {
    if (chat !== this.#chat) return;
    const element = this.#find(id);
    if (!element) return;
    element.dataset.id = "";
    element.style.height = `${element.offsetHeight}px`;
    element.classList.add("vanishing");
    element.inert = true;
    setTimeout(() => this.#remove(element), VANISHING_MS);
  }

  /** Show what answered a button, and let the button rest. */
  answered(popup) {
    this.#rest(popup.query_id);
    if (popup.url) this.followLink(popup.url);
    if (popup.text) this.popups.show(popup);
  }

  /** Open a link as this person: one to the bot waits for START, an invoice for a yes, others open in a new tab. */
  followLink(url) {
    if (url.startsWith(INVOICE)) {
      openForm(t("payStars"), t("pay"), [], () => attempt(() => post(`/people/${this.id}/pay`, { link: url })));
      return;
    }
    if (!isBotLink(url, this.#town.bot.username)) {
      window.open(url, "_blank", "noopener,noreferrer");
      return;
    }
    this.#link = url;
    this.open(this.id);
    this.composer.refresh();
    this.composer.focus();
  }

  /** Press START: by the link that waits, or as for a chat that was never opened. */
  start() {
    const link = this.#link;
    this.#link = null;
    const path = `/people/${this.id}`;
    return attempt(() => (link ? post(`${path}/open`, { link }) : post(`${path}/send`, { text: "/start" })));
  }

  /** The bot's commands in the open chat, as Telegram chooses them: the narrowest scope, the own language first. */
  async commands() {
    const profile = await this.#town.profile();
    const everywhere = this.#chat === this.id ? "all_private_chats" : "all_group_chats";
    const scopes = [JSON.stringify({ type: "chat", chat_id: this.#chat }), JSON.stringify({ type: everywhere }), "default"];
    const keys = scopes.flatMap((scope) => [`commands:${scope}:${this.person.language_code}`, `commands:${scope}:`]);
    return profile[keys.find((key) => profile[key]?.length)] ?? [];
  }

  /** Mark this phone as the one that acts. */
  mark(acting) {
    this.element.classList.toggle("acting", acting);
  }

  get #room() {
    return this.#resident.rooms.get(this.#chat) ?? new Map();
  }

  #find(id) {
    return this.list.querySelector(`[data-id="${id}"]`);
  }

  #fillHead() {
    const { person } = this;
    const pairs = LANGUAGES.some(([code]) => code === person.language_code)
      ? LANGUAGES
      : [...LANGUAGES, [person.language_code ?? "", (person.language_code ?? "–").toUpperCase()]];
    const speak = select("language", pairs, {
      "aria-label": t("language"),
      title: t("language"),
      onchange: (event) => attempt(() => patch(`/people/${this.id}`, { language_code: event.target.value || null })),
    });
    speak.value = person.language_code ?? "";
    const who = el("div.who", {}, el("strong", {}, person.first_name), el("small", {}, partOf(person.part)));
    const more = iconButton("more", t("more"), (event) => this.#menu(event.currentTarget));
    this.head.replaceChildren(avatar(person), who, speak, more);
  }

  #menu(anchor) {
    const act = this.person.blocked ? "unblock" : "block";
    openMenu(anchor, [
      { label: t(act === "block" ? "block" : "unblockBot"), act: () => attempt(() => post(`/people/${this.id}/${act}`)) },
      { label: t("hide"), act: this.hide },
    ]);
  }

  #fillTabs() {
    const rooms = this.#town.roomsOf(this.id);
    const tabs = rooms.map((room) => {
      const tab = button("tab", room.title, () => this.open(room.id));
      tab.dataset.chat = room.id;
      if (room.id === this.#chat) tab.setAttribute("aria-current", "true");
      if (this.#resident.news.has(room.id)) tab.append(el("span.dot", { role: "img", "aria-label": t("news") }));
      return tab;
    });
    const open = rooms.find((room) => room.id === this.#chat);
    if (open?.group) {
      const label = `${t("members")}: ${open.title}`;
      tabs.push(iconButton("people", label, (event) => groupMenu(this, open.group, event.currentTarget)));
    }
    this.tabs.replaceChildren(...tabs);
  }

  /** Show which chats have news. */
  news() {
    this.#fillTabs();
  }

  #fill() {
    this.list.replaceChildren();
    for (const view of this.#room.values()) {
      this.#day(view);
      this.list.append(this.#bubble(view));
    }
    this.#hint();
    this.toEnd();
    this.composer.refresh();
  }

  #hint() {
    if (this.#room.size || this.list.querySelector(".empty")) return;
    const first = this.#chat === this.id && !this.person.started;
    this.list.replaceChildren(el("div.empty", {}, ...(first ? this.#description() : [el("p", {}, t("emptyGone"))])));
  }

  #description() {
    const profile = this.#town.bot.profile;
    const text = profile[`description:${this.person.language_code}`] || profile["description:"];
    return text ? [el("strong", {}, t("emptyNew")), el("p", {}, text)] : [el("strong", {}, this.#town.bot.first_name)];
  }

  #day(view) {
    const day = dayOf(view.date);
    const last = [...this.list.querySelectorAll(".day")].at(-1);
    if (last?.textContent !== day) this.list.append(el("p.day", {}, day));
  }

  #bubble(view) {
    return bubble(view, this.id, view.chat !== this.id, {
      press: (pressed, key, element) => this.#press(pressed, key, element),
      link: (url, element) => this.#chooseReader(url, element),
      command: (text) => attempt(() => post(`/people/${this.id}/send`, { text, chat: this.#chat })),
      more: (changed, element) => this.#messageMenu(changed, element),
      look: lookAt,
    });
  }

  async #press(view, key, element) {
    element.setAttribute("aria-busy", "true");
    const body = { button: key.callback_data ?? key.text, chat: view.chat, message_id: view.id };
    const answer = await attempt(() => post(`/people/${this.id}/press`, body));
    if (answer?.url) this.followLink(answer.url);
    if (!answer?.query || this.#answeredEarly.delete(answer.query)) {
      element.removeAttribute("aria-busy");
      return;
    }
    this.#pressed.set(answer.query, element);
    setTimeout(() => this.#rest(answer.query), WAITING_MS);
  }

  #rest(query) {
    const element = this.#pressed.get(query);
    if (!element) this.#answeredEarly.add(query);
    element?.removeAttribute("aria-busy");
    this.#pressed.delete(query);
  }

  /** A link to the bot is passed on to somebody, as people do outside Telegram; other links just open. */
  #chooseReader(url, anchor) {
    if (!isBotLink(url, this.#town.bot.username)) {
      this.followLink(url);
      return;
    }
    const choices = this.#town.everyone().map((resident) => ({
      label: resident.person.first_name,
      note: partOf(resident.person.part),
      act: () => this.element.dispatchEvent(new CustomEvent("pass", { bubbles: true, detail: { url, person: resident.id } })),
    }));
    openMenu(anchor, [{ label: t("openAs") }, ...choices]);
  }

  #messageMenu(view, anchor) {
    const path = `/people/${this.id}`;
    const where = { chat: view.chat, message_id: view.id };
    const choices = [{ label: t("erase"), act: () => attempt(() => post(`${path}/delete`, where)) }];
    if (view.sender === this.id && view.text && !view.photo && !view.document) {
      choices.unshift({ label: t("edit"), act: () => this.composer.edit(view) });
    }
    openMenu(anchor, choices);
  }

  #remove(element) {
    element.remove();
    if (!this.#room.size) this.#hint();
  }

  /** Show the latest messages. */
  toEnd() {
    this.list.scrollTop = this.list.scrollHeight;
  }
}

function isBotLink(url, username) {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const name = parsed?.pathname.replaceAll("/", "").toLowerCase();
  return ["t.me", "telegram.me"].includes(parsed?.hostname) && name === username.toLowerCase();
}
