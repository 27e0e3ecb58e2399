//! Bodies of requests that come in a content coding (RFC 9110 §8.4).
//!
//! Always true here:
//! - A handler reads what was meant, or gets an error; never encoded bytes for plain ones.
//! - No decoder is made before the handler reads, and none for a body that is not there.
//!
//! Not here: decoding itself (`coding/decoder.rs`), reading (`body.rs`).

use super::{Coding, Middleware};
use crate::coding::{Decoder, STACKED_MAX};
use crate::context::exchange::UploadState;
use crate::{Builder, Context, Error, Result, StatusCode};

/// Unless another is set: text comes to a tenth or a twentieth of its length, not much below.
const RATIO_MAX: u32 = 200;

/// Decodes bodies of requests that come with `Content-Encoding`, while the handler reads them.
///
/// gzip, deflate (the zlib format, RFC 9110 §8.4.1.2), br and zstd are decoded, up to three of them
/// on top of each other. Handlers read with [`ctx.body()`](crate::Context::body) as ever, whole or
/// piece by piece; [`declared_len`](crate::Body::declared_len) is `None`, and `Content-Encoding` is
/// still among the request's headers.
///
/// | body | answer |
/// |---|---|
/// | in an unknown coding, or in more than three | 415 with `Accept-Encoding` |
/// | that is not what it is said to be, or ends too early | 400 |
/// | longer, decoded, than the [body limit](crate::Limits::body_bytes_max) | 413 |
/// | longer, decoded, than 200 times its encoded length (and 64 KiB) | 413 |
///
/// The first is answered before the handler is called, the others are errors of reading. The limit
/// is for what the handler reads; the encoded body may be a sixteenth and 1 KiB longer.
///
/// # Memory
///
/// While a body is decoded it holds 64 KiB of encoded and 16 KiB of decoded bytes for each coding,
/// and what its codings refer back to: 70 KiB for gzip and deflate, up to 8 MiB for zstd (RFC 9659)
/// and up to 16 MiB for br (RFC 7932), where the client makes use of it. Leave out
/// [codings](Self::codings) that your clients do not send.
///
/// ```
/// use ringlane::middleware::Decompression;
/// use ringlane::{Context, Server, testing::Client};
///
/// let server = Server::builder()
///     .with(Decompression::new())
///     .post("/", async |ctx: Context| ctx.body().text().await)
///     .build()?;
/// let mut client = Client::new(server)?;
/// // "hello", compressed by gzip.
/// let gzipped = [
///     31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 7, 0, 134, 166, 16, 54, 5, 0, 0, 0,
/// ];
/// let request = client.post("/").header("Content-Encoding", "gzip").body(gzipped.to_vec());
/// assert_eq!(request.send()?.text(), "hello");
/// let answer = client.post("/").header("Content-Encoding", "rot13").body("uryyb").send()?;
/// assert_eq!(answer.status(), 415);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decompression {
    codings: Vec<Coding>,
    ratio_max: u32,
}

impl Decompression {
    /// Of [all codings](Coding::ALL).
    pub fn new() -> Self {
        Self {
            codings: Coding::ALL.to_vec(),
            ratio_max: RATIO_MAX,
        }
    }

    /// Decodes these alone; others are answered 415.
    pub fn codings(mut self, codings: impl IntoIterator<Item = Coding>) -> Self {
        self.codings = codings.into_iter().collect();
        self
    }

    /// How many times its encoded length a body may have, decoded. Default 200, any number; 64 KiB
    /// are allowed in any case. It holds all the way, for what has come so far. Beyond it: 413 when
    /// the handler reads so far.
    pub fn ratio_max(mut self, times: u32) -> Self {
        self.ratio_max = times;
        self
    }

    fn apply(&self, accepted: &str, ctx: &Context) -> Result {
        let upload = &ctx.0.exchange.upload;
        if upload.state.get() == UploadState::Absent || upload.decoder.borrow().is_some() {
            return Ok(());
        }
        let refuse = |problem: &'static str| {
            ctx.set_header("Accept-Encoding", accepted); // RFC 9110 §12.5.3
            Err(Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, problem))
        };
        let mut codings = [Coding::Gzip; STACKED_MAX];
        let mut count = 0;
        for name in named(ctx) {
            let Some(coding) = Coding::named(name).filter(|one| self.codings.contains(one)) else {
                return refuse("the body's content coding is not supported");
            };
            let Some(place) = codings.get_mut(count) else {
                return refuse("the body has too many content codings");
            };
            *place = coding;
            count += 1;
        }
        if count > 0 {
            let decoder = Decoder::new(&codings[..count], self.ratio_max.into());
            upload.decoder.replace(Some(Box::new(decoder)));
        }
        Ok(())
    }
}

/// The codings that were applied, in order. `identity` is none (RFC 9110 §12.5.3).
fn named(ctx: &Context) -> impl Iterator<Item = &[u8]> {
    ctx.headers()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Content-Encoding"))
        .flat_map(|(_, value)| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity"))
}

impl Default for Decompression {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for Decompression {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        let names: Vec<&str> = self.codings.iter().map(|one| one.name()).collect();
        let accepted = match names.is_empty() {
            true => "identity".to_owned(),
            false => names.join(", "),
        };
        scope.before(move |ctx: &Context| self.apply(&accepted, ctx))
    }
}

#[cfg(test)]
mod tests;
