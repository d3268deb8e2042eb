// The door's page while there is no network: the page itself and what it is made of, as they were last fetched.
// Lists and notes are not here: the page keeps them, and sends what it noted when it can. It tells of parts that were not seen on the way.
const CACHE = "door-1";
const isDoor = (url) => url.origin === self.location.origin && /^\/events\/[0-9a-f-]{36}\/door\/$/.test(url.pathname);
const isPart = (request, url) => url.origin === self.location.origin && url.pathname.startsWith("/static/") && request.method === "GET";

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

async function freshOrKept(request) {
  const cache = await caches.open(CACHE);
  const key = new URL(request.url);
  key.hash = "";
  key.search = "";
  try {
    const answer = await fetch(request);
    // a page that leads to the sign-in is not the door
    if (answer.ok && !answer.redirected) await cache.put(key.href, answer.clone());
    return answer;
  } catch (problem) {
    const kept = await cache.match(key.href);
    if (kept) return kept;
    throw problem;
  }
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if ((event.request.mode === "navigate" && isDoor(url)) || isPart(event.request, url)) event.respondWith(freshOrKept(event.request));
});

self.addEventListener("message", (event) => {
  const isKept = (request) => isPart(request, new URL(request.url)) || isDoor(new URL(request.url));
  event.waitUntil(Promise.allSettled(event.data.map((address) => new Request(address)).filter(isKept).map(freshOrKept)));
});
