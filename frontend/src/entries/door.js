// The door of an event. What is noted is kept in localStorage with a key that this device makes, and sent when there is a network;
// the server takes each key once, so sending again does no harm.
const root = document.querySelector("[data-door]");
const words = JSON.parse(document.getElementById("door-words").textContent);
const at = (name) => root.querySelector(`[data-door-${name}]`);
const store = `door:${root.dataset.door}`;
const load = (part, empty) => JSON.parse(localStorage.getItem(`${store}:${part}`) ?? "null") ?? empty;
const save = (part, value) => localStorage.setItem(`${store}:${part}`, JSON.stringify(value));

let people = load("people", []);
let notes = load("notes", []);
let isSending = false;
let trouble = "";

// crypto.randomUUID is there on https and localhost only, and a door may well have neither
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** The list as it stands with what is not sent yet. */
function shownPeople() {
  const rows = new Map(people.map((row) => [row.uid, { ...row }]));
  for (const note of notes) {
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
  at("list").replaceChildren(...found.map(drawRow));
  at("count").textContent = `${rows.filter((row) => row.came_at).length} ${words.of} ${rows.length}`;
  const kept = notes.length ? `${notes.length} ${words.waiting}. ` : "";
  at("state").textContent = kept + (trouble || (navigator.onLine ? words.online : words.offline));
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
  button.addEventListener("click", () => note({ seat: row.uid, out: Boolean(row.came_at) }, row.came_at ? "" : `${words.welcome}, ${row.name}`));
  return item;
}

function note(what, said) {
  notes.push({ key: newKey(), at: new Date().toISOString(), ...what });
  save("notes", notes);
  at("last").textContent = said;
  draw();
  send();
}

/** A badge's code holds the uid of its seat behind a #; a hand scanner types it and presses Enter. */
function scanned(text) {
  const uid = text.toLowerCase().match(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g)?.pop();
  if (!uid) return false;
  const row = shownPeople().find((one) => one.uid === uid);
  if (!row) at("last").textContent = words.unknown;
  else if (row.came_at) at("last").textContent = `${words.already}: ${row.name}`;
  else note({ seat: uid, out: false }, `${words.welcome}, ${row.name}`);
  return true;
}

async function ask(url, options) {
  const answer = await fetch(url, { headers: { Accept: "application/json", ...options?.headers }, ...options, redirect: "manual" });
  if (!answer.ok || !answer.headers.get("Content-Type")?.includes("json")) throw new Error(answer.type === "opaqueredirect" || answer.status === 403 ? "signin" : "failed");
  return answer.json();
}

async function send() {
  if (isSending) return;
  isSending = true;
  try {
    let told;
    do {
      const batch = notes.slice(0, 200);
      told = batch.length
        ? await ask(root.dataset.notes, { method: "POST", body: JSON.stringify({ notes: batch }), headers: { "Content-Type": "application/json", "X-CSRFToken": root.dataset.token } })
        : await ask(root.dataset.list);
      const taken = new Set(batch.map((one) => one.key));
      people = told.people;
      notes = notes.filter((one) => !taken.has(one.key));
      save("people", people);
      save("notes", notes);
      trouble = "";
    } while (notes.length);
  } catch (problem) {
    trouble = problem.message === "signin" ? words.signin : words.offline;
  } finally {
    isSending = false;
    draw();
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
at("forget").addEventListener("click", () => {
  if (notes.length) { at("last").textContent = words.unsent; return; }
  localStorage.removeItem(`${store}:people`);
  localStorage.removeItem(`${store}:notes`);
  people = [];
  draw();
  at("last").textContent = words.forgotten;
});
window.addEventListener("online", send);
window.addEventListener("offline", draw);
setInterval(() => { if (notes.length || navigator.onLine) send(); }, 20_000);

// the camera, where the browser reads codes by itself
if ("BarcodeDetector" in window && navigator.mediaDevices) {
  at("camera").hidden = false;
  at("camera").addEventListener("click", async () => {
    const video = at("video");
    if (!video.hidden) { video.srcObject?.getTracks().forEach((track) => track.stop()); video.hidden = true; return; }
    const detector = new window.BarcodeDetector({ formats: ["qr_code"] });
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.hidden = false;
    await video.play();
    let last = "";
    const look = async () => {
      if (video.hidden) return;
      const [code] = await detector.detect(video).catch(() => []);
      if (code && code.rawValue !== last) { last = code.rawValue; scanned(last); }
      setTimeout(look, 250);
    };
    look();
  });
}

if ("serviceWorker" in navigator) navigator.serviceWorker.register(root.dataset.worker, { scope: "/events/" }).catch(() => {});
draw();
await send();
if (location.hash.length > 1) { scanned(location.hash); history.replaceState(null, "", location.pathname); }
