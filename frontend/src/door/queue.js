// What doors of this device noted and the server has not said yes to. IndexedDB, because all windows of a device share it and its
// transactions keep them apart: a note is claimed before it is sent, so two windows do not send the same one at once, and a window that
// is closed while it sends leaves a claim that ends by itself. The server takes each key once besides.
const NAME = "groundswell-door";
const CLAIM_MS = 30_000;

const done = (request) =>
  new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error));
  });

function open() {
  const request = indexedDB.open(NAME, 1);
  request.addEventListener("upgradeneeded", () => {
    const notes = request.result.createObjectStore("notes", { keyPath: "key" });
    notes.createIndex("door", "door");
    request.result.createObjectStore("lists", { keyPath: "door" });
  });
  return done(request);
}

/** The queue of one door. `door` is the uid of its event. */
export async function openQueue(door) {
  const base = await open();
  const mine = Math.random().toString(36).slice(2);
  const others = "BroadcastChannel" in window ? new BroadcastChannel(NAME) : null;

  // one transaction for each call: what it reads and writes, no other window sees half of
  async function within(mode, work) {
    const transaction = base.transaction(["notes", "lists"], mode);
    const over = new Promise((resolve, reject) => {
      transaction.addEventListener("complete", resolve);
      transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("aborted")));
    });
    const result = await work(transaction.objectStore("notes"), transaction.objectStore("lists"));
    await over;
    if (mode === "readwrite") others?.postMessage(door);
    return result;
  }
  const of = async (notes) => (await done(notes.index("door").getAll(door))).sort((a, b) => a.at.localeCompare(b.at) || a.order - b.order);
  let order = Date.now();

  const queue = {
    /** All that waits or was refused, in the order in which it was noted. */
    all: () => within("readonly", of),
    people: () => within("readonly", async (_notes, lists) => (await done(lists.get(door)))?.people ?? []),
    keepPeople: (people) => within("readwrite", (_notes, lists) => done(lists.put({ door, people }))),
    add: (note) => within("readwrite", (notes) => done(notes.put({ order: order++, ...note, door }))),
    /** Up to `most` notes that nobody else is sending, claimed for this window. */
    claim: (most) =>
      within("readwrite", async (notes) => {
        const now = Date.now();
        const free = (await of(notes)).filter((note) => !note.refused && (!note.claim || note.claim.by === mine || note.claim.until < now)).slice(0, most);
        for (const note of free) await done(notes.put({ ...note, claim: { by: mine, until: now + CLAIM_MS } }));
        return free;
      }),
    /** What the server said, by key: taken ones go, refused ones stay with the reason, others wait for the next turn. */
    settle: (batch, answers, otherwise = "") =>
      within("readwrite", async (notes) => {
        for (const { key } of batch) {
          const note = await done(notes.get(key));
          if (!note) continue;
          if (answers[key] === "ok") await done(notes.delete(key));
          else await done(notes.put({ ...note, claim: null, refused: answers[key] ?? otherwise }));
        }
      }),
    again: (key) => within("readwrite", async (notes) => { const note = await done(notes.get(key)); if (note) await done(notes.put({ ...note, refused: "" })); }),
    drop: (key) => within("readwrite", (notes) => done(notes.delete(key))),
    /** Take the list of names from this device; false while notes are kept that nobody has yet. */
    forget: () =>
      within("readwrite", async (notes, lists) => {
        if ((await of(notes)).length) return false;
        await done(lists.delete(door));
        return true;
      }),
    onChange: (told) => others?.addEventListener("message", (event) => { if (event.data === door) told(); }),
  };

  // what an earlier version of this page kept
  const before = `door:${door}:notes`;
  for (const note of JSON.parse(localStorage.getItem(before) ?? "[]")) await queue.add(note);
  localStorage.removeItem(before);
  localStorage.removeItem(`door:${door}:people`);
  return queue;
}
