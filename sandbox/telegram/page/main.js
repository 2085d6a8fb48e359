// Puts the page together: the town, the bar, and the phones of those who are shown.

import { Bar } from "./bar.js";
import { el } from "./dom.js";
import { Phone } from "./phone.js";
import { Town } from "./town.js";
import { language, t } from "./words.js";

const KEY = "plecho.shown";
const WIDTH = 310;
const ORDER = ["applicant", "newcomer", "reviewer", "treasurer", "coordinator"];
const FIRST = ["applicant", "reviewer", "treasurer", "reviewer", "coordinator", "reviewer"];

/** Who is shown, in the order of the town; kept for this browser tab. */
class Stage {
  phones = new Map();
  following = true;
  expected = null;

  constructor(town, element) {
    this.town = town;
    this.element = element;
  }

  shown(id) {
    return this.phones.has(id);
  }

  /** Show one more; somebody new as soon as the town knows of them. */
  show(id) {
    this.expected = this.town.residents.has(id) ? null : id;
    if (!this.shown(id)) this.#set([...this.phones.keys(), id]);
    this.phones.get(id)?.element.scrollIntoView({ inline: "nearest", block: "nearest" });
  }

  hide(id) {
    this.#set([...this.phones.keys()].filter((other) => other !== id));
  }

  toggle(id) {
    if (this.shown(id)) this.hide(id);
    else this.show(id);
  }

  /** Show these people and nobody else. */
  only(ids) {
    this.#set(ids);
  }

  follow(following) {
    this.following = following;
    this.act();
  }

  /** Show those whom the caption is about, and mark them. */
  act() {
    const { people = [], chat } = this.town.caption;
    for (const [id, phone] of this.phones) phone.mark(people.includes(id));
    if (!people.length || !this.following) return;
    const rest = [...this.phones.keys()].filter((id) => !people.includes(id));
    const room = Math.max(0, fitting() - people.length);
    this.#set([...people, ...rest.slice(0, room)]);
    for (const id of people) {
      this.phones.get(id)?.open(chat ?? id);
      this.phones.get(id)?.mark(true);
    }
    this.phones.get(people[0])?.element.scrollIntoView({ inline: "nearest", block: "nearest" });
  }

  /** Begin anew with what was shown before, or with as many as fit. */
  reset() {
    this.phones.clear();
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? "[]").filter((id) => this.town.residents.has(id));
    this.#set(kept.length ? kept : this.#first());
    this.act();
  }

  /** Show who was waited for, and new people as long as there is room and nothing was chosen. */
  settle() {
    if (this.town.residents.has(this.expected)) this.show(this.expected);
    if (!sessionStorage.getItem(KEY)) this.#set(this.#first(), false);
  }

  #first() {
    const left = this.town.everyone();
    const chosen = FIRST.map((part) => {
      const index = left.findIndex(({ person }) => person.part === part);
      return index < 0 ? null : left.splice(index, 1)[0].id;
    });
    return [...chosen, ...left.map(({ id }) => id)].filter((id) => id !== null).slice(0, fitting());
  }

  #set(ids, chosen = this.phones.size > 0) {
    const wanted = this.town.everyone().filter(({ id }) => ids.includes(id)).sort(byPart).map(({ id }) => id);
    this.phones = new Map(wanted.map((id) => [id, this.phones.get(id) ?? this.#phone(id)]));
    const phones = [...this.phones.values()].map((phone) => phone.element);
    const same = phones.length === this.element.children.length && phones.every((one, at) => one === this.element.children[at]);
    if (!same) {
      this.element.replaceChildren(...(phones.length ? phones : [el("p.nobody", {}, t("nobody"))]));
      for (const phone of this.phones.values()) phone.toEnd();
    }
    if (chosen) sessionStorage.setItem(KEY, JSON.stringify(wanted));
    for (const phone of this.phones.values()) this.town.seen(phone.id, phone.chat);
    this.element.dispatchEvent(new CustomEvent("shown"));
  }

  #phone(id) {
    return new Phone(this.town, id, () => this.hide(id));
  }
}

function byPart(one, other) {
  const at = ({ person }) => (ORDER.indexOf(person.part) + ORDER.length + 1) % (ORDER.length + 1);
  return at(one) - at(other) || one.id - other.id;
}

function fitting() {
  return Math.max(1, Math.floor(innerWidth / WIDTH));
}

function begin() {
  document.documentElement.lang = language;
  const town = new Town();
  const element = document.querySelector("#phones");
  const stage = new Stage(town, element);
  const bar = new Bar(document.querySelector("#bar"), document.querySelector("#caption"), town, stage);
  const each = (act) => [...stage.phones.values()].forEach(act);
  const on = (kind, act) => town.addEventListener(kind, (event) => act(event.detail));
  const all = () => {
    bar.fill();
    bar.narrate();
  };
  element.addEventListener("shown", () => bar.fill());
  element.addEventListener("pass", ({ detail }) => {
    stage.show(detail.person);
    stage.phones.get(detail.person).followLink(detail.url);
  });
  on("reset", () => (stage.reset(), all(), bar.tick()));
  on("people", () => (stage.settle(), all(), each((phone) => phone.refresh())));
  on("groups", () => each((phone) => phone.refresh()));
  on("message", ({ person, chat, view, fresh }) => stage.phones.get(person)?.put(chat, view, fresh));
  on("deleted", ({ person, chat, id }) => stage.phones.get(person)?.drop(chat, id));
  on("popup", ({ person, popup }) => stage.phones.get(person)?.answered(popup));
  on("news", ({ person }) => (bar.fill(), stage.phones.get(person)?.news()));
  on("clock", () => bar.tick());
  on("connection", () => bar.connect());
  on("caption", () => (each((phone) => phone.popups.clear()), stage.act(), bar.narrate()));
  document.addEventListener("visibilitychange", () => each((phone) => phone.shows(phone.chat) && town.seen(phone.id, phone.chat)));
  town.open((person, chat) => Boolean(stage.phones.get(person)?.shows(chat)));
}

begin();
