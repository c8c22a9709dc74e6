"use strict";

const MINIMUM_CHARACTERS = 12;

// What a link asks for, by the name in front of its token.
const KINDS = {
  reset: {
    path: "/v1/auth/reset-password",
    body: (token, password) => ({ token, new_password: password }),
    title: "Choose a new password",
  },
  invitation: {
    path: "/v1/auth/accept-invitation",
    body: (token, password) => ({ token, password }),
    title: "Come into Tocsin",
  },
};

const $ = (id) => document.getElementById(id);
const sections = [$("no-token"), $("ask"), $("done")];
const fields = [$("password"), $("repeat")];
const form = document.querySelector("form");

let link = null;

function show(section) {
  for (const each of sections) each.hidden = each !== section;
  for (const part of document.querySelectorAll("[data-for]")) part.hidden = part.dataset.for !== link?.kind;
  document.title = `${section.querySelector("h1").textContent} · Tocsin`;
}

// Reads the token and takes it out of the address, where histories and onlookers would find it.
function readLink() {
  const given = new URLSearchParams(location.hash.slice(1));
  const kind = Object.keys(KINDS).find((name) => given.get(name));
  if (location.hash) history.replaceState(null, "", location.pathname);
  if (!kind) {
    if (!link) show($("no-token"));
    return;
  }
  link = { kind, token: given.get(kind) };
  form.reset();
  setVisible(false);
  clearErrors();
  $("ask").querySelector("h1").textContent = KINDS[kind].title;
  show($("ask"));
  $("password").focus();
}

function clearErrors() {
  for (const field of fields) setError(field, "");
  $("problem").hidden = true;
}

function setError(field, text) {
  const place = $(`${field.id}-error`);
  place.textContent = text;
  place.hidden = !text;
  field.setAttribute("aria-invalid", String(Boolean(text)));
}

// Says what is wrong beside each field, and takes the focus to the first that is.
function check() {
  const [password, repeat] = fields;
  // By characters, as the server counts, and not by UTF-16 units.
  const length = [...password.value].length;
  setError(password, length < MINIMUM_CHARACTERS ? `This has ${length} of at least ${MINIMUM_CHARACTERS} characters.` : "");
  setError(repeat, repeat.value === password.value ? "" : "This is not the same as above.");
  const wrong = fields.find((field) => field.getAttribute("aria-invalid") === "true");
  wrong?.focus();
  return !wrong;
}

function showProblem(text) {
  $("problem").textContent = text[0].toUpperCase() + text.slice(1);
  $("problem").hidden = false;
}

async function problemOf(answer) {
  try {
    return (await answer.json()).detail || `The server answered ${answer.status}.`;
  } catch {
    return `The server answered ${answer.status}. Try again in a moment.`;
  }
}

// An invitation's answer is a session. This page has no use for one: it asks whose it is, and ends it.
async function leaveSession(answer) {
  try {
    const headers = { Authorization: `Bearer ${(await answer.json()).access_token}` };
    const me = await (await fetch("/v1/auth/me", { headers })).json();
    $("who").textContent = me.email ? `, as ${me.email}` : "";
    await fetch("/v1/auth/logout", { method: "POST", headers });
  } catch {
    // The password is set all the same, and the session ends by itself.
  }
}

async function send(event) {
  event.preventDefault();
  clearErrors();
  if (!check()) return;
  const { path, body } = KINDS[link.kind];
  $("send").disabled = true;
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body(link.token, $("password").value)),
    });
    if (!answer.ok) {
      showProblem(await problemOf(answer));
      return;
    }
    if (link.kind === "invitation") await leaveSession(answer);
    form.reset();
    show($("done"));
    link = null;
    $("done").focus();
  } catch {
    showProblem("The server can't be reached, or its answer was lost. Try again in a moment.");
  } finally {
    $("send").disabled = false;
  }
}

function setVisible(visible) {
  const word = visible ? "Hide" : "Show";
  for (const field of fields) field.type = visible ? "text" : "password";
  $("show").textContent = word;
  $("show").setAttribute("aria-label", `${word} the password`);
}

$("show").addEventListener("click", () => setVisible($("password").type === "password"));
form.addEventListener("submit", send);
// Another link opened in the same tab changes nothing but what is behind the `#`.
addEventListener("hashchange", readLink);
readLink();
