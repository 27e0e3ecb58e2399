// Node's own HTTP server, and the package `ws` for WebSockets: what its users take.
//
// Not here: clusters; every peer has one thread.
"use strict";

const http = require("node:http");
const { WebSocketServer } = require("ws");

const port = Number(process.argv[2]);
const followers = new Set();
const listeners = new Set();

function answer(response, type, body) {
  response.writeHead(200, {
    "Server": "node-ser",
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
  });
  response.end(body);
}

function greeting() {
  return JSON.stringify({ message: "Hello, World!" });
}

function publish(request, response) {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const message = Buffer.concat(parts).toString();
    for (const socket of followers) socket.send(message);
    const event = `data: ${message}\n\n`;
    for (const listener of listeners) listener.write(event);
    response.writeHead(204);
    response.end();
  });
}

function upload(request, response) {
  let count = 0;
  request.on("data", (part) => { count += part.length; });
  request.on("end", () => answer(response, "text/plain; charset=utf-8", String(count)));
}

function follow(request, response) {
  response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  response.flushHeaders();
  listeners.add(response);
  request.on("close", () => listeners.delete(response));
}

const server = http.createServer((request, response) => {
  if (request.url === "/plaintext") answer(response, "text/plain", "Hello, World!");
  else if (request.url === "/json") answer(response, "application/json", greeting());
  else if (request.url === "/upload") upload(request, response);
  else if (request.url === "/events") follow(request, response);
  else if (request.url === "/publish") publish(request, response);
  else {
    response.writeHead(404);
    response.end();
  }
});
server.keepAliveTimeout = 3600 * 1000;

function open(socket, request) {
  socket.on("error", () => {});
  if (request.url === "/topic") {
    followers.add(socket);
    socket.on("close", () => followers.delete(socket));
  } else {
    socket.on("message", (message, binary) => socket.send(message, { binary }));
  }
}

const plain = new WebSocketServer({ noServer: true, perMessageDeflate: false });
// Every message, not only those from its 1,024 bytes on.
const deflating = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } });
server.on("upgrade", (request, stream, head) => {
  const sockets = request.url === "/ws-deflate" ? deflating : plain;
  sockets.handleUpgrade(request, stream, head, open);
});

server.listen({ port, host: "127.0.0.1", backlog: 4096 });
