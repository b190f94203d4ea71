// Keeps the page's files, so that it opens without a network. `version` and `files` stand before this line.
const prefix = `bertlab-page ${new URL(".", location.href).pathname} `;
const cacheName = prefix + version;

self.addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const cache = await caches.open(cacheName);
    for (const file of files) {
      const url = new URL(file, location.href).href;
      // Asked again, so that no older file of another version comes from the browser's own cache.
      if (!await cache.match(url)) await cache.add(new Request(url, { cache: "no-cache" }));
    }
    await self.skipWaiting();
  })());
});

self.addEventListener("activate", (event) => {
  event.waitUntil((async () => {
    const old = (await caches.keys()).filter((name) => name.startsWith(prefix) && name !== cacheName);
    for (const name of old) await caches.delete(name);
  })());
});

/** With these a browser allows threads. */
const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

async function respond(request) {
  const cache = await caches.open(cacheName);
  const known = await cache.match(request, { ignoreSearch: true });
  if (!known) return await fetch(request);
  const headers = new Headers(known.headers);
  for (const [name, value] of Object.entries(isolation)) headers.set(name, value);
  return new Response(known.body, { status: known.status, headers });
}

self.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(respond(event.request));
});
