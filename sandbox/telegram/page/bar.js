// The bar on top: who is shown, the clock, adding people, help, connection; and the caption below it.

import { post } from "./api.js";
import { avatar, button, el } from "./dom.js";
import { attempt, openDialog, openForm, openMenu, select } from "./menus.js";
import { fill, heading, language, lessons, momentOf, partOf, switchLanguage, t } from "./words.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const PARTS = ["applicant", "newcomer", "reviewer", "treasurer", "coordinator", "donor", ""];
const JUMPS = [
  [HOUR, () => t("hour")],
  [DAY, () => t("day")],
  [3 * DAY, () => t("days", { n: 3 })],
  [30 * DAY, () => t("days", { n: 30 })],
];

export class Bar {
  #town;
  #stage;

  /** Fill `element` for `town`; `stage` tells who is shown and changes that. */
  constructor(element, caption, town, stage) {
    this.#town = town;
    this.#stage = stage;
    this.caption = caption;
    this.people = el("nav.people", { "aria-label": t("people") });
    this.time = el("time");
    this.connection = el("span.connection", { role: "status" });
    const clock = el("div.clock", { role: "group", "aria-label": t("clock") }, this.time, ...JUMPS.map(jump));
    const other = language === "ru" ? "English" : "Русский";
    const tools = el(
      "div.tools",
      {},
      this.connection,
      button("quiet", other, switchLanguage),
      button("quiet", t("add"), (event) => this.#add(event.currentTarget)),
      button("quiet.help", t("help"), () => this.#help()),
    );
    const name = el("h1", {}, el("img", { src: "mark.svg", alt: "", width: 26, height: 26 }), "Plecho");
    element.replaceChildren(name, clock, tools, this.people);
    setInterval(() => this.tick(), 1000);
    this.connect();
  }

  /** Show the time. */
  tick() {
    const seconds = this.#town.now();
    this.time.textContent = momentOf(seconds);
    this.time.dateTime = new Date(seconds * 1000).toISOString();
  }

  /** Show whether the stand-in is there. */
  connect() {
    this.connection.classList.toggle("lost", !this.#town.connected);
    this.connection.textContent = t(this.#town.connected ? "live" : "lost");
  }

  /** Show everybody by the parts they play, who is on the page, and who has news. */
  fill() {
    const everyone = this.#town.everyone();
    const parts = [...new Set([...PARTS, ...everyone.map(({ person }) => person.part)])];
    const groups = parts.map((part) => [part, everyone.filter(({ person }) => person.part === part)]);
    const focused = document.activeElement?.closest(".chip")?.dataset.person;
    this.people.replaceChildren(
      ...groups.filter(([, members]) => members.length).map(([part, members]) => this.#group(part, members)),
    );
    if (focused) this.people.querySelector(`[data-person="${focused}"]`)?.focus();
  }

  /** Show the caption of the story that plays, or where a newcomer begins. */
  narrate() {
    const { text, step, steps } = this.#town.caption;
    this.caption.classList.toggle("story", Boolean(text));
    if (!text) {
      this.caption.replaceChildren(el("strong", {}, t("lead")), el("p", {}, this.#introduction()));
      return;
    }
    const follow = el("input", { type: "checkbox", checked: this.#stage.following, onchange: () => this.#stage.follow(follow.checked) });
    const count = steps ? [el("small", {}, t("step", { step, steps })), el("progress", { value: step, max: steps, "aria-hidden": "true" })] : [];
    this.caption.replaceChildren(el("p", {}, text), el("div.aside", {}, ...count, el("label", {}, follow, t("follow"))));
  }

  #introduction() {
    const first = this.#named("applicant");
    return first ? t("intro", { name: first }) : t("introEmpty");
  }

  #named(part) {
    const everyone = this.#town.everyone();
    return (everyone.find(({ person }) => person.part === part) ?? everyone[0])?.person.first_name;
  }

  #group(part, members) {
    const title = button("heading", heading(part), () => this.#stage.only(members.map(({ id }) => id)));
    return el("div.part", { role: "group", "aria-label": heading(part) }, title, ...members.map((one) => this.#chip(one)));
  }

  #chip(resident) {
    const shown = this.#stage.shown(resident.id);
    const chip = el(
      "button.chip",
      { type: "button", "aria-pressed": String(shown), onclick: () => this.#stage.toggle(resident.id) },
      avatar(resident.person),
      resident.person.first_name,
    );
    chip.dataset.person = resident.id;
    if (resident.news.size) chip.append(el("span.dot", { role: "img", "aria-label": t("news") }));
    return chip;
  }

  #add(anchor) {
    openMenu(anchor, [
      { label: t("addPerson"), act: () => this.#addPerson() },
      { label: t("addGroup"), act: () => this.#addGroup() },
    ]);
  }

  #addPerson() {
    const parts = PARTS.filter(Boolean).map((part) => [part, partOf(part)]);
    const fields = [
      [t("name"), el("input", { name: "first_name", required: true, maxLength: 64 })],
      [t("part"), select("part", parts)],
      [t("language"), select("language_code", [["ru", "Русский"], ["en", "English"]])],
    ];
    openForm(t("addPerson"), t("create"), fields, async (given) => {
      const person = await attempt(() => post("/people", Object.fromEntries(given)));
      if (person) this.#stage.show(person.id);
    });
  }

  #addGroup() {
    const everyone = this.#town.everyone().map(({ id, person }) => [String(id), person.first_name]);
    const fields = [
      [t("title"), el("input", { name: "title", required: true, maxLength: 128 })],
      [t("creator"), select("creator", everyone)],
      [t("hidden"), el("input", { name: "hidden", type: "checkbox", checked: true })],
    ];
    openForm(t("addGroup"), t("create"), fields, (given) => {
      const body = { title: given.get("title"), creator: Number(given.get("creator")), history_visible: !given.get("hidden") };
      return attempt(() => post("/groups", body));
    });
  }

  #help() {
    const names = Object.fromEntries(["applicant", "treasurer", "coordinator", "donor"].map((part) => [part, this.#named(part) ?? ""]));
    const steps = lessons().map(([title, text]) => el("li", {}, el("strong", {}, title), el("p", {}, fill(text, names))));
    openDialog("dialog.lessons", t("help"), el("ol", {}, ...steps));
  }
}

function jump([seconds, label]) {
  return button("jump", label(), () => attempt(() => post("/clock", { seconds })), { title: t("jump") });
}
