// One message as a bubble: text with its links and marks, picture or file, buttons.

import { button, el, icon, iconButton } from "./dom.js";
import { t, timeOf } from "./words.js";

const MARKS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "pre", blockquote: "blockquote",
  spoiler: "span.spoiler",
};
const SERVICE = {
  new_chat_members: (value) => t("joined", { name: value.map((user) => user.first_name).join(", ") }),
  left_chat_member: (value) => t("left", { name: value.first_name }),
  pinned_message: () => t("pinned"),
  successful_payment: (paid) => t("paid", { n: paid.total_amount }),
  refunded_payment: (paid) => t("paidBack", { n: paid.total_amount }),
  group_chat_created: () => t("created"),
  supergroup_chat_created: () => t("created"),
  migrate_to_chat_id: () => t("moved"),
  migrate_from_chat_id: () => t("moved"),
};

/**
 * Build the bubble of `view`. `acts` are what it can do: press(view, button, element), link(url, element),
 * command(text), more(view, element), look(url); `person` is who looks, `group` whether names are shown.
 */
export function bubble(view, person, group, acts) {
  const own = view.sender === person;
  if (view.service) {
    const line = el("p.service", {}, SERVICE[view.service.kind](view.service.value));
    line.dataset.id = view.id;
    return line;
  }
  const body = el("div.bubble", {}, ...content(view, person, group && !own, acts));
  const element = el("article.message", { "aria-label": view.sender_name }, body, keyboard(view, acts));
  element.dataset.id = view.id;
  element.classList.toggle("own", own);
  if (view.protected) {
    element.classList.add("protected");
    for (const kind of ["copy", "contextmenu", "dragstart"]) element.addEventListener(kind, (e) => e.preventDefault());
  }
  return element;
}

function content(view, person, named, acts) {
  const parts = [];
  if (named) parts.push(el("span.sender", {}, view.sender_name));
  if (view.photo) parts.push(picture(view, person, acts));
  if (view.document) parts.push(file(view, person));
  if (view.text) parts.push(el("div.text", {}, ...marked(view.text, view.entities, acts)));
  parts.push(footer(view, person, acts));
  return parts;
}

function picture(view, person, acts) {
  const url = `/people/${person}/files/${view.photo.file_id}`;
  const image = el("img", { src: url, alt: "", width: view.photo.width, height: view.photo.height, draggable: false });
  return el("button.picture", { type: "button", "aria-label": view.text || t("photo"), onclick: () => acts.look(url) }, image);
}

function file(view, person) {
  const size = `${Math.max(1, Math.round(view.document.file_size / 1024))} KB`;
  const label = [icon("file"), el("span", {}, view.document.file_name ?? t("document")), el("small", {}, size)];
  if (view.protected) return el("span.file", {}, ...label);
  const href = `/people/${person}/files/${view.document.file_id}`;
  return el("a.file", { href, download: view.document.file_name ?? "" }, ...label);
}

function footer(view, person, acts) {
  const line = el("footer");
  if (view.protected) line.append(el("span.lock", { title: t("protected") }, icon("lock")));
  if (view.edited) line.append(`${t("edited")} `);
  line.append(el("time", { dateTime: new Date(view.date * 1000).toISOString() }, timeOf(view.date)));
  if (view.sender === person || view.chat === person) {
    line.append(iconButton("more", t("more"), (event) => acts.more(view, event.currentTarget)));
  }
  return line;
}

function keyboard(view, acts) {
  if (!view.buttons.length) return null;
  const rows = view.buttons.map((row) =>
    el("div.row", {}, ...row.map((key) => button("key", key.text, (event) => acts.press(view, key, event.currentTarget)))),
  );
  return el("div.keyboard", {}, ...rows);
}

/** Split a text at its entities (offsets count UTF-16 units, as JavaScript's strings do). */
function marked(text, entities, acts) {
  const inner = entities.filter((entity) => entity.type in MARKS || isLink(entity));
  return span(text, inner, 0, text.length, acts);
}

function span(text, entities, from, to, acts) {
  const nodes = [];
  let at = from;
  for (let index = 0; index < entities.length; index += 1) {
    const entity = entities[index];
    const end = Math.min(to, entity.offset + entity.length);
    if (entity.offset < at || entity.offset >= to) continue;
    if (entity.offset > at) nodes.push(text.slice(at, entity.offset));
    nodes.push(wrapped(text, entity, entities.slice(index + 1), end, acts));
    at = end;
  }
  if (at < to) nodes.push(text.slice(at, to));
  return nodes;
}

function wrapped(text, entity, rest, end, acts) {
  const inside = span(text, rest, entity.offset, end, acts);
  const words = text.slice(entity.offset, end);
  if (entity.type === "bot_command") return el("button.link", { type: "button", onclick: () => acts.command(words) }, words);
  if (isLink(entity)) {
    const url = entity.url ?? words;
    return el("button.link", { type: "button", onclick: (event) => acts.link(url, event.currentTarget) }, ...inside);
  }
  return el(MARKS[entity.type], {}, ...inside);
}

function isLink(entity) {
  return ["url", "text_link", "bot_command"].includes(entity.type);
}
