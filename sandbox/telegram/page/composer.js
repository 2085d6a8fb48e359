// Where a person writes: START or UNBLOCK where Telegram shows those, otherwise commands, files and a text field.

import { post, upload } from "./api.js";
import { button, el, iconButton } from "./dom.js";
import { attempt, openMenu } from "./menus.js";
import { samplePdf, samplePhoto } from "./samples.js";
import { t } from "./words.js";

const TALLEST = 140;

export class Composer {
  #phone;
  #editing = null;
  #state = "";

  constructor(phone) {
    this.#phone = phone;
    this.field = el("textarea", {
      rows: 1,
      maxLength: 4096,
      placeholder: t("write"),
      "aria-label": `${t("write")}: ${phone.person.first_name}`,
      oninput: () => this.#grow(),
      onkeydown: (event) => this.#key(event),
    });
    this.note = el("p.note", { hidden: true }, t("editing"));
    this.line = el(
      "div.line",
      {},
      iconButton("slash", t("commands"), (event) => this.#commands(event.currentTarget)),
      iconButton("clip", t("attach"), (event) => this.#attach(event.currentTarget)),
      this.field,
      iconButton("send", t("send"), () => this.#send()),
    );
    this.element = el("footer.composer");
    this.refresh();
  }

  /** Show what the person can do in the chat that is open. */
  refresh() {
    const state = this.#wanted();
    if (state === this.#state) return;
    this.#state = state;
    const phone = this.#phone;
    const unblock = () => attempt(() => post(`/people/${phone.id}/unblock`));
    const start = () => phone.start().then(() => this.refresh());
    this.element.replaceChildren(
      ...{
        write: () => [this.note, this.line],
        start: () => [button("wide", t("start"), start)],
        link: () => [button("wide", t("startLink"), start)],
        blocked: () => [button("wide", t("unblock"), unblock)],
      }[state](),
    );
  }

  /** Put the keyboard here. */
  focus() {
    (this.element.querySelector(".wide") ?? this.field).focus();
  }

  /** Change an own message. */
  edit(view) {
    this.#editing = view;
    this.note.hidden = false;
    this.field.value = view.text;
    this.#grow();
    this.field.focus();
  }

  #wanted() {
    const phone = this.#phone;
    if (phone.link) return "link";
    if (phone.chat !== phone.id) return "write";
    if (phone.person.blocked) return "blocked";
    return phone.person.started ? "write" : "start";
  }

  #key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#send();
    }
    if (event.key === "Escape" && this.#editing) this.#clear();
  }

  async #send() {
    const text = this.field.value.trim();
    if (!text) return;
    const path = `/people/${this.#phone.id}`;
    const editing = this.#editing;
    const chat = this.#phone.chat;
    this.#clear();
    const act = editing
      ? () => post(`${path}/edit`, { text, chat, message_id: editing.id })
      : () => post(`${path}/send`, { text, chat });
    if ((await attempt(act)) === undefined) this.field.value = text;
  }

  #clear() {
    this.#editing = null;
    this.note.hidden = true;
    this.field.value = "";
    this.#grow();
  }

  #grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(TALLEST, this.field.scrollHeight)}px`;
  }

  async #commands(anchor) {
    const path = `/people/${this.#phone.id}`;
    const chat = this.#phone.chat;
    const known = await this.#phone.commands();
    const choices = known.map(({ command, description }) => ({
      label: `/${command}`,
      note: description,
      act: () => attempt(() => post(`${path}/send`, { text: `/${command}`, chat })),
    }));
    openMenu(anchor, choices.length ? choices : [{ label: t("noCommands") }]);
  }

  #attach(anchor) {
    openMenu(anchor, [
      { label: t("photo"), act: () => this.#choose("photo", "image/*") },
      { label: t("document"), act: () => this.#choose("document", "") },
      { label: t("samplePhoto"), act: async () => this.#upload("photo", await samplePhoto()) },
      { label: t("samplePdf"), act: () => this.#upload("document", samplePdf()) },
    ]);
  }

  #choose(kind, accept) {
    const input = el("input", { type: "file", accept });
    input.addEventListener("change", () => this.#upload(kind, input.files[0]));
    input.click();
  }

  #upload(kind, file) {
    return attempt(() => upload(this.#phone.id, this.#phone.chat, kind, file));
  }
}
