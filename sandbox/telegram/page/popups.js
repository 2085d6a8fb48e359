// What answers a pressed button: a toast that goes by itself, or an alert that wants an OK.

import { button, el } from "./dom.js";
import { t } from "./words.js";

const TOAST_MS = 4500;

export class Popups {
  #phone;

  constructor(phone) {
    this.#phone = phone;
  }

  /** Show one. */
  show({ text, alert }) {
    if (alert) this.#alert(text);
    else this.#toast(text);
  }

  /** Take away what is shown. */
  clear() {
    for (const shown of this.#phone.element.querySelectorAll(".toast, .alert")) shown.remove();
  }

  #toast(text) {
    this.clear();
    const toast = el("div.toast", { role: "status" }, text);
    this.#phone.element.append(toast);
    setTimeout(() => toast.remove(), TOAST_MS);
  }

  #alert(text) {
    this.clear();
    const close = () => {
      alert.remove();
      this.#phone.composer.focus();
    };
    const ok = button("primary", t("ok"), close);
    const card = el("div.card", {}, el("p", {}, text), ok);
    const alert = el("div.alert", { role: "alertdialog", "aria-modal": "true", "aria-label": text }, card);
    alert.addEventListener("keydown", (event) => event.key === "Escape" && close());
    this.#phone.element.append(alert);
    ok.focus({ preventScroll: true });
  }
}
