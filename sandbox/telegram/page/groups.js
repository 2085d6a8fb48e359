// Who is in a group and what can be done about it: come, go, be removed; the bot as administrator; history.

import { post } from "./api.js";
import { attempt, openMenu } from "./menus.js";
import { t } from "./words.js";

const PRESENT = ["creator", "administrator", "member"];

/** Open the menu of a group for the person whose phone this is. */
export function groupMenu(phone, group, anchor) {
  const inside = group.members.filter((member) => PRESENT.includes(member.status));
  const names = inside.map((member) => member.name).join(", ");
  const set = (user, status, by) => () => attempt(() => post(`/groups/${group.id}/members`, { user, status, by }));
  const mine = inside.find((member) => member.id === phone.id);
  const choices = [{ label: `${t("members")}: ${names}` }];
  if (["creator", "administrator"].includes(mine?.status)) choices.push(...ruling(phone, group, inside, set));
  if (mine?.status !== "creator") choices.push({ label: t("leave"), act: set(phone.id, "left", phone.id) });
  openMenu(anchor, choices);
}

function ruling(phone, group, inside, set) {
  const visible = !group.history_visible;
  const present = new Set(inside.map((member) => member.id));
  const outside = phone.town.everyone().filter((resident) => !present.has(resident.id));
  const others = inside.filter((member) => !member.is_bot && member.id !== phone.id && member.status !== "creator");
  const bot = phone.town.bot.id;
  return [
    present.has(bot)
      ? { label: t("removeBot"), act: set("bot", "left", phone.id) }
      : { label: t("addBot"), act: set("bot", "administrator", phone.id) },
    {
      label: t(visible ? "showHistory" : "hideHistory"),
      act: () => attempt(() => post(`/groups/${group.id}/history`, { visible })),
    },
    ...outside.map(({ id, person }) => ({ label: t("joinAs", { name: person.first_name }), act: set(id, "member", phone.id) })),
    ...others.map(({ id, name }) => ({ label: t("remove", { name }), act: set(id, "kicked", phone.id) })),
  ];
}
