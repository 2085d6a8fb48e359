// Everybody and everything as the stand-in tells it: read once, then kept current by its stream of events.
//
// Whoever shows something listens to: reset (all is new), people, groups, room (one chat of one person is new),
// message, deleted, popup, clock, caption, connection, news. Events are numbered; when a number is missing or the
// stream was cut, everything is read again.

import { get } from "./api.js";

const KINDS = ["message", "edited", "deleted", "popup", "membership", "clock", "person", "chat", "narration"];
const PRESENT = ["creator", "administrator", "member"];

/** One person: who they are, and what they can read in each of their chats (the first is the one with the bot). */
export class Resident {
  constructor(person) {
    this.person = person;
    this.rooms = new Map();
    this.news = new Set();
  }

  get id() {
    return this.person.id;
  }
}

export class Town extends EventTarget {
  bot = null;
  residents = new Map();
  groups = new Map();
  caption = {};
  connected = false;
  #ahead = 0;
  #seq = null;
  #waiting = [];
  #loading = false;
  #watched = () => false;

  /** Begin; `watched(person, chat)` tells whether somebody is looking at that chat right now. */
  open(watched) {
    this.#watched = watched;
    const stream = new EventSource("/events");
    stream.addEventListener("open", () => this.#connect());
    stream.addEventListener("error", () => this.#connection(false));
    for (const kind of KINDS) stream.addEventListener(kind, (event) => this.#hear(JSON.parse(event.data)));
  }

  /** The stand-in's time in Unix seconds. */
  now() {
    return Date.now() / 1000 + this.#ahead;
  }

  /** All people in the order of their arrival. */
  everyone() {
    return [...this.residents.values()];
  }

  /** The chats of a person: the bot first, then groups. */
  roomsOf(id) {
    const groups = [...this.groups.values()].filter((group) => !group.migrated_to && isMember(group, id));
    return [{ id, title: this.bot.first_name, group: null }, ...groups.map((g) => ({ id: g.id, title: g.title, group: g }))];
  }

  /** The bot's commands and descriptions as they are now. */
  async profile() {
    this.bot = await get("/bot");
    return this.bot.profile;
  }

  /** Somebody has looked at a chat. */
  seen(id, chat) {
    if (this.residents.get(id)?.news.delete(chat)) this.#tell("news", { person: id });
  }

  async #connect() {
    this.#connection(true);
    await this.#read();
  }

  #connection(connected) {
    this.connected = connected;
    this.#tell("connection");
  }

  async #read() {
    if (this.#loading) return;
    this.#loading = true;
    this.#waiting = [];
    try {
      const [bot, people, groups, clock, caption] = await Promise.all(
        ["/bot", "/people", "/groups", "/clock", "/narration"].map(get),
      );
      this.bot = bot;
      this.caption = caption;
      this.groups = new Map(groups.map((group) => [group.id, group]));
      this.residents = new Map(people.map((person) => [person.id, new Resident(person)]));
      this.#setClock(clock);
      await Promise.all(this.everyone().map((resident) => this.#readRooms(resident)));
    } finally {
      this.#loading = false;
    }
    this.#seq = null;
    this.#tell("reset");
    for (const event of this.#waiting.splice(0)) this.#follow(event);
  }

  async #readRooms(resident) {
    resident.rooms.clear();
    await Promise.all(this.roomsOf(resident.id).map((room) => this.#readRoom(resident, room.id)));
  }

  async #readRoom(resident, chat) {
    const { messages } = await get(`/people/${resident.id}/messages?chat=${chat}`);
    resident.rooms.set(chat, new Map(messages.map((view) => [view.id, view])));
  }

  #hear(event) {
    if (this.#loading) this.#waiting.push(event);
    else this.#follow(event);
  }

  #follow(event) {
    const missed = this.#seq !== null && event.seq > this.#seq + 1;
    this.#seq = event.seq;
    if (missed) this.#read();
    else this.#ACTS[event.kind](event);
  }

  #ACTS = {
    message: (event) => this.#put(event),
    edited: (event) => this.#put(event),
    deleted: (event) => this.#drop(event),
    popup: (event) => this.#tell("popup", { person: event.person, popup: event.body }),
    membership: (event) => this.#member(event),
    clock: (event) => this.#setClock(event.body),
    person: (event) => this.#person(event),
    chat: (event) => this.#group(event.chat),
    narration: (event) => this.#narration(event.body),
  };

  #put({ chat, body: view }) {
    for (const resident of this.#present(chat)) {
      const room = resident.rooms.get(chat);
      if (!room || (room.get(view.id)?.changed ?? 0) > view.changed) continue;
      const fresh = !room.has(view.id);
      room.set(view.id, view);
      if (chat === resident.id && view.sender === resident.id && !resident.person.started) {
        resident.person.started = true;
        this.#tell("people");
      }
      this.#tell("message", { person: resident.id, chat, view, fresh });
      if (view.sender !== resident.id && !view.service && !this.#watched(resident.id, chat)) {
        resident.news.add(chat);
        this.#tell("news", { person: resident.id });
      }
    }
  }

  #drop({ chat, body }) {
    for (const resident of this.#present(chat)) {
      if (resident.rooms.get(chat)?.delete(body.message_id)) {
        this.#tell("deleted", { person: resident.id, chat, id: body.message_id });
      }
    }
  }

  #present(chat) {
    const own = this.residents.get(chat);
    return own ? [own] : this.everyone().filter((resident) => resident.rooms.has(chat));
  }

  async #member(event) {
    const resident = this.residents.get(event.chat);
    if (resident) {
      resident.person = await get(`/people/${resident.id}`);
      this.#tell("people");
      return;
    }
    await this.#group(event.chat);
  }

  async #person(event) {
    const known = this.residents.get(event.person);
    if (known) {
      known.person = event.body;
    } else {
      const resident = new Resident(event.body);
      this.residents.set(resident.id, resident);
      await this.#readRooms(resident);
    }
    this.#tell("people");
  }

  async #group(chat) {
    const group = await get(`/groups/${chat}`);
    this.groups.set(chat, group);
    for (const resident of this.everyone()) {
      const inside = isMember(group, resident.id);
      if (inside && !resident.rooms.has(chat)) await this.#readRoom(resident, chat);
      if (!inside) {
        resident.rooms.delete(chat);
        this.seen(resident.id, chat);
      }
    }
    this.#tell("groups", { chat });
  }

  #setClock({ offset }) {
    this.#ahead = offset;
    this.#tell("clock");
  }

  #narration(caption) {
    this.caption = caption;
    this.#tell("caption");
  }

  #tell(kind, detail = {}) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }
}

function isMember(group, id) {
  return group.members.some((member) => member.id === id && PRESENT.includes(member.status));
}
