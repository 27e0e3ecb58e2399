//! The wire rules as tables: each row names its rule and what breaks or obeys it.

#![forbid(unsafe_code)]

mod bodies;
mod connection;
mod extensions;
mod fields;
mod framing;
mod hosts;
mod limits;
mod oracle;
mod request_line;
mod response_fields;
mod responses;
mod rows;
mod table;
mod targets;
mod text;
mod websocket;
