// Bun's own server: HTTP, WebSockets and topics are built in.
//
// Not here: several processes; every peer has one.

const port = Number(process.argv[2]);
const listeners = new Set();
const encoder = new TextEncoder();

function follow() {
  let own;
  const stream = new ReadableStream({
    start(controller) {
      own = controller;
      // The head leaves with the first bytes.
      controller.enqueue(encoder.encode(": welcome\n\n"));
      listeners.add(controller);
    },
    cancel() {
      listeners.delete(own);
    },
  });
  return new Response(stream, {
    headers: { "Content-Type": "text/event-stream", "Cache-Control": "no-store" },
  });
}

async function publish(request) {
  const message = await request.text();
  server.publish("all", message);
  const event = encoder.encode(`data: ${message}\n\n`);
  for (const listener of listeners) listener.enqueue(event);
  return new Response(null, { status: 204 });
}

async function upload(request) {
  let count = 0;
  for await (const part of request.body) count += part.length;
  return new Response(String(count), { headers: ofType("text/plain; charset=utf-8") });
}

function ofType(type) {
  return { "Server": "bun-serv", "Content-Type": type };
}

const headers = ofType("text/plain");
const jsonHeaders = ofType("application/json");

const server = Bun.serve({
  port,
  hostname: "127.0.0.1",
  // Idle connections stay, as with the other peers.
  idleTimeout: 0,
  fetch(request, server) {
    const { pathname } = new URL(request.url);
    if (pathname === "/plaintext") return new Response("Hello, World!", { headers });
    if (pathname === "/json") {
      return Response.json({ message: "Hello, World!" }, { headers: jsonHeaders });
    }
    if (pathname === "/upload") return upload(request);
    if (pathname === "/ws" || pathname === "/ws-deflate" || pathname === "/topic") {
      const data = { follows: pathname === "/topic", deflates: pathname === "/ws-deflate" };
      if (server.upgrade(request, { data })) return undefined;
    }
    if (pathname === "/events") return follow();
    if (pathname === "/publish") return publish(request);
    return new Response("not found", { status: 404 });
  },
  websocket: {
    idleTimeout: 0,
    // For those who offer it; what is sent is compressed only where that is asked for.
    perMessageDeflate: true,
    open(socket) {
      if (socket.data.follows) socket.subscribe("all");
    },
    message(socket, message) {
      if (!socket.data.follows) socket.send(message, socket.data.deflates);
    },
  },
});
