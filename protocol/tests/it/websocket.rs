//! Tests what a WebSocket peer may send and what it gets, however the bytes are cut.

mod close;
mod compression;
mod conformance;
mod fragments;
mod frames;
mod handshakes;
mod limits;
mod negotiation;
mod plain_inflate;
mod round_trips;
mod sending;
mod stand;
