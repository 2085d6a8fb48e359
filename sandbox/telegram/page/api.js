// The stand-in's client API (sandbox/telegram/people.py and places.py).

/** The stand-in refused an act, as Telegram's apps would. */
export class Refused extends Error {}

async function call(method, path, body) {
  const sent = body === undefined || body instanceof FormData
    ? { method, body }
    : { method, body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  const response = await fetch(path, sent);
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer.error ?? response.statusText);
  return answer;
}

export const get = (path) => call("GET", path);
export const post = (path, body = {}) => call("POST", path, body);
export const patch = (path, body) => call("PATCH", path, body);

/** Send a file as a photo or a document. */
export function upload(person, chat, kind, file) {
  const form = new FormData();
  form.append("kind", kind);
  form.append("chat", String(chat));
  form.append("file", file, file.name);
  return call("POST", `/people/${person}/upload`, form);
}
