//! Section "Real-Time Communication Implementation": the chat, which is an example of its own too.

#[path = "../chat/room.rs"]
mod room;

pub(crate) use room::routes;
