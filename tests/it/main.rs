//! The whole-system tests as one binary: a module for each subject, and nothing else here.

#![forbid(unsafe_code)]

mod article;
mod blocked;
mod chat;
mod commands;
mod decoders;
mod demo;
mod doctor;
mod drivers;
mod early_answers;
mod event_source;
mod event_stream;
mod layering;
mod macros;
mod sim;
mod slow_readers;
mod snippets;
mod source;
mod tidy;
mod ui;
mod websocket;
