// What opens above the page: menus at a button, dialogs with a form, a picture to look at, a refusal.

import { button, el } from "./dom.js";
import { t } from "./words.js";

/** Open a menu at `anchor`; each choice is `{ label, note, act }`, a choice without `act` is a heading. */
export function openMenu(anchor, choices) {
  document.querySelector(".menu")?.hidePopover();
  const items = choices.map((choice) =>
    choice.act
      ? el("button", { type: "button", role: "menuitem", onclick: () => (menu.hidePopover(), choice.act()) },
        el("span", {}, choice.label), choice.note ? el("small", {}, choice.note) : null)
      : el("p", {}, choice.label),
  );
  const menu = el("div.menu", { popover: "auto", role: "menu" }, ...items);
  menu.addEventListener("toggle", (event) => {
    if (event.newState === "closed") menu.remove();
  });
  menu.addEventListener("keydown", walk);
  document.body.append(menu);
  menu.showPopover();
  place(menu, anchor.getBoundingClientRect());
  menu.querySelector("button")?.focus();
}

function walk(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll("button")];
  items[(items.indexOf(document.activeElement) + step + items.length) % items.length]?.focus();
}

function place(menu, anchor) {
  const { width, height } = menu.getBoundingClientRect();
  const below = anchor.bottom + 4 + height < innerHeight;
  menu.style.left = `${Math.max(8, Math.min(anchor.left, innerWidth - width - 8))}px`;
  menu.style.top = `${below ? anchor.bottom + 4 : Math.max(8, anchor.top - height - 4)}px`;
}

/** Open a dialog with a heading and return it; it goes when it is closed. */
export function openDialog(spec, heading, ...children) {
  const close = button("quiet", t("close"), () => dialog.close());
  const dialog = el(spec, {}, heading ? el("h2", {}, heading) : null, ...children, el("div.actions", {}, close));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask for a few values: `fields` are elements with a `name`, each with its label; `done` gets what was given. */
export function openForm(heading, label, fields, done) {
  const rows = fields.map(([name, input]) => el("label", {}, el("span", {}, name), input));
  const form = el("form", { method: "dialog" }, ...rows, el("button.primary", { type: "submit" }, label));
  form.addEventListener("submit", () => done(new FormData(form)));
  openDialog("dialog.form", heading, form);
}

/** A choice among `[value, label]` pairs. */
export function select(name, pairs, properties = {}) {
  return el("select", { name, ...properties }, ...pairs.map(([value, label]) => el("option", { value }, label)));
}

/** Show a picture large. */
export function lookAt(url) {
  openDialog("dialog.look", "", el("img", { src: url, alt: "", draggable: false }));
}

/** Do something that the stand-in may refuse, and say why if it does. */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    const note = el("div.refusal", { popover: "manual", role: "alert" }, t("refused", { why: error.message }));
    document.body.append(note);
    note.showPopover();
    setTimeout(() => note.remove(), 5000);
    return undefined;
  }
}
