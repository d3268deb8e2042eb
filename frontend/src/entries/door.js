// The door of an event. What is noted is kept on this device with a key that it makes (see ../door/queue.js), and sent when there is a
// network; the server takes each key once, so sending again does no harm. What it refuses stays here, with the reason.
import { camera, readsByItself } from "../door/camera.js";
import { openQueue } from "../door/queue.js";

const root = document.querySelector("[data-door]");
const words = JSON.parse(document.getElementById("door-words").textContent);
const at = (name) => root.querySelector(`[data-door-${name}]`);
const BATCH = 200;
const PATIENCE_MS = 20_000; // a network that swallows everything must not hold up what is noted: a note is claimed for longer than this

const queue = await openQueue(root.dataset.door).catch((problem) => {
  at("state").textContent = words.nostore;
  throw problem;
});
let people = await queue.people();
let notes = await queue.all();
let token = root.dataset.token;
let sending = null; // what is under way; whoever asks meanwhile waits for it, and for a turn after it
let isAskedAgain = false;
let isForgotten = false; // the list was taken from this device: what the server tells is not kept until the page is loaded again
let trouble = "";
let latest = ""; // the key of the newest note of this window

// crypto.randomUUID is there on https and localhost only, and a door may well have neither
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The list as it stands with what is not sent yet; what was refused does not count. */
function shownPeople() {
  const rows = new Map(people.map((row) => [row.uid, { ...row }]));
  for (const note of notes) {
    if (note.refused) continue;
    if (note.seat && rows.has(note.seat)) rows.get(note.seat).came_at = note.out ? null : (rows.get(note.seat).came_at ?? note.at);
    if (!note.seat) rows.set(note.key, { uid: note.key, name: note.name, of: note.organization, state: "seat", came_at: note.at, isNew: true });
  }
  return [...rows.values()];
}

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

function draw() {
  const rows = shownPeople();
  const wanted = plain(at("find").value.trim());
  const found = rows.filter((row) => !wanted || plain(`${row.name} ${row.of}`).includes(wanted)).slice(0, 60);
  const waiting = notes.filter((note) => !note.refused).length;
  at("list").replaceChildren(...found.map(drawRow));
  at("count").textContent = `${rows.filter((row) => row.came_at).length} ${words.of} ${rows.length}`;
  at("state").textContent = (waiting ? `${waiting} ${words.waiting}. ` : "") + (trouble || (navigator.onLine ? words.online : words.offline));
  const refused = notes.filter((note) => note.refused);
  at("refused").hidden = !refused.length;
  at("refusals").replaceChildren(...refused.map(drawRefused));
  const wrong = refused.find((note) => note.key === latest);
  if (wrong) {
    latest = "";
    speak(`${at("refused").querySelector("h2").textContent}: ${wrong.who || wrong.name || "?"}`, true); // welcome no more
  }
}

async function look() {
  [people, notes] = await Promise.all([queue.people(), queue.all()]);
  draw();
}

function drawRow(row) {
  const item = at("row").content.firstElementChild.cloneNode(true);
  const [name, below] = item.querySelectorAll(".door-who > *");
  const button = item.querySelector("button");
  name.textContent = row.name;
  below.textContent = [row.of, row.state === "waiting" ? words.line : ""].filter(Boolean).join(" · ");
  item.classList.toggle("came", Boolean(row.came_at));
  button.textContent = row.came_at ? words.undo : words.came;
  button.classList.toggle("btn-primary", !row.came_at);
  button.setAttribute("aria-label", `${button.textContent}: ${row.name}`);
  button.disabled = Boolean(row.isNew);
  button.addEventListener("click", () => note({ seat: row.uid, who: row.name, of: row.of, out: Boolean(row.came_at) }, row.came_at ? "" : `${words.welcome}, ${row.name}`));
  return item;
}

function drawRefused(one) {
  const item = at("refusal").content.firstElementChild.cloneNode(true);
  const [name, why] = item.querySelectorAll(".door-who > *");
  const [again, walk, drop] = item.querySelectorAll("button");
  name.textContent = `${one.who || one.name || "?"} · ${new Date(one.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
  why.textContent = words[`why_${one.refused}`] ?? words.why_other;
  walk.hidden = one.refused !== "unknown" || !one.who || Boolean(one.out);
  again.addEventListener("click", async () => { await queue.again(one.key); await look(); send(); });
  walk.addEventListener("click", async () => { await queue.add({ key: newKey(), at: one.at, name: one.who, organization: one.of ?? "" }); await queue.drop(one.key); await look(); send(); });
  drop.addEventListener("click", async () => { await queue.drop(one.key); look(); });
  return item;
}

function speak(said, isBad = false) {
  at("last").textContent = said;
  at("last").classList.toggle("bad", isBad);
}

async function note(what, said) {
  latest = newKey();
  await queue.add({ key: latest, at: new Date().toISOString(), ...what });
  speak(said);
  await look();
  send();
}

/** A badge's code holds the uid of its seat behind a #; a hand scanner types it and presses Enter. */
function scanned(text) {
  const uid = text.toLowerCase().match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)?.pop();
  if (!uid) return false;
  admit(uid);
  return true;
}

/** Somebody with a badge; who got the seat after the list was fetched is looked up, and noted unseen while there is no network. */
async function admit(uid) {
  const find = () => shownPeople().find((one) => one.uid === uid);
  if (!find()) await send();
  const row = find();
  if (row?.came_at) speak(`${words.already}: ${row.name}`);
  else if (row) note({ seat: uid, who: row.name, of: row.of, out: false }, `${words.welcome}, ${row.name}`);
  else if (!trouble) speak(words.unknown, true);
  else if (notes.some((one) => one.seat === uid && !one.refused)) speak(words.already);
  else note({ seat: uid, out: false }, words.blind);
}

async function ask(url, options = {}) {
  const answer = await fetch(url, { signal: AbortSignal.timeout?.(PATIENCE_MS), ...options, headers: { Accept: "application/json", ...options.headers }, redirect: "manual" });
  if (answer.ok && answer.headers.get("Content-Type")?.includes("json")) return answer.json();
  if (answer.type === "opaqueredirect" || answer.status === 403) throw new Error("signin");
  throw new Error(answer.status === 404 ? "gone" : "failed");
}

/** After signing in again in another window the page's own token is an old one: look what a new page would say. */
async function freshToken() {
  const answer = await fetch(location.pathname, { redirect: "manual", cache: "no-store" });
  const found = answer.ok ? (await answer.text()).match(/data-token="([^"]+)"/) : null;
  if (!found || found[1] === token) return false;
  token = found[1];
  return true;
}

async function sendBatch(batch) {
  const body = JSON.stringify({ notes: batch.map(({ key, at: when, seat, name, organization, out }) => ({ key, at: when, seat, name, organization, out })) });
  const post = () => ask(root.dataset.notes, { method: "POST", body, headers: { "Content-Type": "application/json", "X-CSRFToken": token } });
  try {
    return await post();
  } catch (problem) {
    if (problem.message !== "signin" || !(await freshToken())) throw problem;
    return post();
  }
}

function send() {
  if (sending) isAskedAgain = true;
  else sending = sendAll().finally(() => { sending = null; });
  return sending;
}

async function sendAll() {
  let batch = [];
  isAskedAgain = false;
  try {
    do {
      batch = await queue.claim(BATCH);
      const told = batch.length ? await sendBatch(batch) : await ask(root.dataset.list);
      if (batch.length) await queue.settle(batch, told.answers, "other");
      if (!isForgotten) await queue.keepPeople(told.people);
      trouble = "";
      if (isAskedAgain) [batch, isAskedAgain] = [[], false];
      else if (!(await queue.all()).some((one) => !one.refused && !one.claim)) break;
    } while (true);
  } catch (problem) {
    await queue.settle(batch, {}); // given back: the next turn sends them, from whichever window
    trouble = { signin: words.signin, gone: words.gone, failed: words.failed }[problem.message] ?? words.offline;
  } finally {
    await look();
  }
}

at("find").addEventListener("input", draw);
at("find").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  if (scanned(at("find").value)) at("find").value = "";
  draw();
});
at("walk").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  note({ name: form.elements.name.value, organization: form.elements.organization.value }, `${words.welcome}, ${form.elements.name.value}`);
  form.reset();
});
at("forget").addEventListener("click", async () => {
  isForgotten = true; // first: an answer may be on its way
  const isGone = await queue.forget();
  isForgotten = isGone;
  await look();
  speak(isGone ? words.forgotten : words.unsent, !isGone);
});
queue.onChange(look);
window.addEventListener("online", send);
window.addEventListener("offline", draw);
setInterval(() => { if (notes.length || (navigator.onLine && !isForgotten)) send(); }, 20_000);

at("camera").addEventListener("click", camera({
  video: at("video"),
  decoder: root.dataset.decoder,
  onCode: (text) => { if (!scanned(text)) speak(words.unknown, true); },
  onChange: (isOpen) => { at("camera").textContent = isOpen ? words.close : words.camera; },
  onTrouble: (word) => speak(words[word], true),
}));

/** The worker keeps what it sees fetched: it is told of what was there before it, and of what is fetched only on request. */
async function keep() {
  const isNew = !navigator.serviceWorker.controller;
  await navigator.serviceWorker.register(root.dataset.worker, { scope: "/events/" });
  const { active } = await navigator.serviceWorker.ready;
  const parts = isNew ? [location.pathname, ...performance.getEntriesByType("resource").map((part) => part.name)] : [];
  if (!(await readsByItself())) parts.push(root.dataset.decoder);
  active.postMessage(parts);
}
if ("serviceWorker" in navigator) keep().catch(() => {});
if (scanned(at("find").value)) at("find").value = ""; // a scanner was quicker than this page
draw();
await send();
if (location.hash.length > 1) { scanned(location.hash); history.replaceState(null, "", location.pathname); }
