//! Properties that hold for any input of a decoder: one function each, for tests and fuzzing.
//!
//! In:  any bytes.
//! Out: nothing, or a panic that says which promise was broken.
//!
//! The fuzzer calls these with what it makes up (`fuzz/`), the tests with the seeds and with
//! mutations of them (`it/decoders.rs`).
//!
//! Always true here: the same bytes always take the same way, so that an input that failed fails
//! again.
//!
//! Not here: what is right for a given input (each crate's own tests).

use std::fmt::Debug;

mod body_chunked;
mod body_coded;
mod event_stream;
mod forwarded;
mod multipart_body;
mod proxy_preface;
mod query_percent;
mod request_head;
mod response_headers;
mod websocket_frames;
mod websocket_handshake;
mod websocket_messages;

pub use body_chunked::body_chunked;
pub use body_coded::body_coded;
pub use event_stream::event_stream;
pub use forwarded::forwarded;
pub use multipart_body::multipart_body;
pub use proxy_preface::proxy_preface;
pub use query_percent::query_percent;
pub use request_head::request_head;
pub use response_headers::response_headers;
pub use websocket_frames::websocket_frames;
pub use websocket_handshake::websocket_handshake;
pub use websocket_messages::websocket_messages;

/// Every cut of an input up to this size is tried; of longer ones some.
const CUTS_MAX: usize = 64;

/// What `verdict` says of the input in one piece: byte by byte and cut in two it must say the same.
fn at_every_cut<V: Debug + PartialEq>(input: &[u8], verdict: impl Fn(&[&[u8]]) -> V) -> V {
    let whole = verdict(&[input]);
    let bytes: Vec<&[u8]> = input.chunks(1).collect();
    assert_eq!(verdict(&bytes), whole, "byte by byte");
    for cut in (0..input.len()).step_by(input.len() / CUTS_MAX + 1) {
        let (front, back) = input.split_at(cut);
        assert_eq!(verdict(&[front, back]), whole, "cut at {cut}");
    }
    whole
}
