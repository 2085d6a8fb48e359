// Small builders. Whatever anybody wrote goes through `textContent`; no HTML is ever parsed here.

/** Make an element: `el("button.round", { type: "button", onclick }, "text", child)`. */
export function el(spec, properties = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag);
  element.classList.add(...classes);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Make a button that shows a text, or an icon with a spoken name. */
export function button(spec, label, onclick, properties = {}) {
  return el(`button.${spec}`, { type: "button", onclick, ...properties }, label);
}

const SHAPES = {
  clip: "M20 11.500 12 19.500a5 5 0 0 1-7-7l8.500-8.500a3.300 3.300 0 0 1 4.700 4.700L9.700 17.200a1.700 1.700 0 0 1-2.400-2.400L15 7",
  send: "M4 12 20 4l-5 16-4-6zM11 14 20 4",
  lock: "M6 11h12v9H6zM9 11V8a3 3 0 0 1 6 0v3",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  slash: "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM14.500 8 9.500 16",
  people: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM3 19c0-3 2.500-5 6-5s6 2 6 5M16 11a2.500 2.500 0 1 0 0-5M17 14c2.500.3 4 2 4 5",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
};

/** Draw one of the page's few icons. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.classList.add("icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  drawing.append(path);
  return drawing;
}

/** Make a round button with an icon and a name for those who cannot see it. */
export function iconButton(name, label, onclick, properties = {}) {
  return el("button.icon-button", { type: "button", title: label, "aria-label": label, onclick, ...properties }, icon(name));
}

/** Make the coloured circle with somebody's initial. */
export function avatar(person) {
  const hue = (person.id * 47) % 360;
  const circle = el("span.avatar", { "aria-hidden": "true" }, [...person.first_name][0] ?? "?");
  circle.style.setProperty("--hue", hue);
  return circle;
}
