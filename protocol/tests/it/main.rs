//! Tests the HTTP/1.1 and WebSocket codecs by tables: each row names its rule and an example.

#![forbid(unsafe_code)]

mod bodies;
mod conditional;
mod connection;
mod extensions;
mod fields;
mod forwarded;
mod framing;
mod hosts;
mod limits;
mod multipart;
mod oracle;
mod proxy;
mod request_line;
mod response_fields;
mod responses;
mod rows;
mod table;
mod targets;
mod text;
mod websocket;
