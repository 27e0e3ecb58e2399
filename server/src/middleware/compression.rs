//! Answers in the content coding that the client likes best (RFC 9110 §12.5.3).
//!
//! Always true here:
//! - What no coding fits goes out as it was written.
//!
//! Not here: what is done to an answer (`coding/offer.rs`), the codings themselves (`coding.rs`).

mod media;
mod negotiation;

use super::{Coding, Middleware};
use crate::coding::Offer;
use crate::{Builder, Context, Error, Result, StatusCode};
use negotiation::Weights;

/// Unless another minimum is set: below it an answer fits into one packet either way.
const BYTES_MIN: usize = 1024;

/// Sends answers in a content coding that the client accepts.
///
/// The coding is chosen by `Accept-Encoding` with its weights; of those that the client likes
/// equally, the first of ours: zstd, br, gzip, deflate. zstd needs the feature `zstd`, which is off
/// by default; br needs `brotli`, which is on. Without the header an answer is not coded.
/// A client that accepts neither a coding of ours nor an answer without one is answered 406.
///
/// An answer is coded, and varies by `Accept-Encoding`, unless
///
/// - it is shorter than [the minimum](Self::bytes_min);
/// - its media type is [one that is compressed already](Self::media_types);
/// - it has `Content-Encoding`, `Content-Range`, `Accept-Ranges`, a digest, or
///   `Cache-Control: no-transform`: it is bound to its bytes;
/// - its status is 204, 205, 206 or 304 (a 304 gets the `Vary` of the answer it stands for).
///
/// A strong `ETag` becomes a weak one on what is coded. `HEAD` gets the same head as `GET`.
///
/// What is coded is the answer as all layers have left it, so it does not matter where among them
/// this one is written; only what a layer before it has [stopped](crate::Flow::Stop) is not coded.
///
/// Streams are coded piece by piece: whatever was sent can be decoded when it arrives, so
/// server-sent events come one by one. A whole answer of more than 128 KiB is sent as a stream, and
/// so in chunks and without `Content-Length`; between its pieces other requests get their turn.
///
/// # Memory
///
/// While an answer is coded it holds the state of its encoder, whatever its length:
///
/// | coding | at the usual level | at the level that has most |
/// |---|---|---|
/// | gzip, deflate | 5: 0.4 MiB | 9: 0.4 MiB |
/// | br | 4: 3 MiB | 9: 37 MiB (11: 8 MiB) |
/// | zstd | 3: 1.5 MiB | 19: 6 MiB |
///
/// A stream that is open for hours, or a long answer to a slow client, holds it for as long. All of
/// these on one core may hold [64 MiB](crate::middleware::ENCODERS_BYTES_MAX) together; an answer
/// that would need more is sent without a coding. For thousands of streams set
/// [`codings`](Self::codings) to gzip, or leave their routes out.
///
/// # Security
///
/// How long a coded answer is tells how often parts of it repeat. Where an answer holds a secret
/// (a token against forged requests, say) *and* text that the request brought along, someone who
/// can make a browser send requests and see the lengths of answers can guess the secret bit by bit,
/// TLS or not (the attack is known as BREACH). Do not code such answers: put the layer on groups of
/// routes that have none, set `Cache-Control: no-transform`, or mask the secret anew each time.
///
/// ```
/// use ringlane::middleware::{Coding, Compression};
/// use ringlane::{Context, Server, testing::Client};
///
/// let compression = Compression::new().level(Coding::Gzip, 9).bytes_min(100);
/// let server = Server::builder()
///     .with(compression)
///     .get("/", |ctx: Context| ctx.text("la ".repeat(1000)))
///     .build()?;
/// let mut client = Client::new(server)?;
/// let answer = client.get("/").header("Accept-Encoding", "gzip, br;q=0.5").send()?;
/// assert_eq!(answer.header("content-encoding"), Some("gzip"));
/// assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
/// assert!(answer.bytes().len() < 100);
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Compression {
    /// Each once, the preferred first, with its level.
    codings: Vec<(Coding, u8)>,
    /// Levels of codings that may be named later.
    levels: Vec<(Coding, u8)>,
    bytes_min: usize,
    is_fit: fn(&str) -> bool,
}

impl Compression {
    /// All [codings](Coding::ALL) at their usual levels, for answers from 1 KiB.
    pub fn new() -> Self {
        Self {
            codings: with_levels(Coding::ALL.iter().copied(), &[]),
            levels: Vec::new(),
            bytes_min: BYTES_MIN,
            is_fit: media::is_fit,
        }
    }

    /// Uses these codings alone, the preferred first. With none nothing is coded.
    pub fn codings(mut self, codings: impl IntoIterator<Item = Coding>) -> Self {
        self.codings = with_levels(codings, &self.levels);
        self
    }

    /// How hard a coding tries: gzip and deflate 1 to 9, default 5; br 0 to 11, default 4; zstd 1
    /// to 19, default 3. What is outside counts as the nearest within. Higher levels save little
    /// more and take many times as long, during which the core does nothing else.
    pub fn level(mut self, coding: Coding, level: u8) -> Self {
        let (least, most, _) = coding.levels();
        self.levels.retain(|(known, _)| *known != coding);
        self.levels.push((coding, level.clamp(least, most)));
        let codings = std::mem::take(&mut self.codings);
        self.codings = with_levels(codings.into_iter().map(|(one, _)| one), &self.levels);
        self
    }

    /// The shortest whole answer that is coded, in bytes. Default 1 KiB, any number. Streams are
    /// coded whatever their length, which nobody knows.
    pub fn bytes_min(mut self, bytes: usize) -> Self {
        self.bytes_min = bytes;
        self
    }

    /// Which media types are coded: the function is given one without its parameters, in the case
    /// in which it was set, and empty text if there is none. Instead of: all but images (SVG and
    /// bitmaps are coded), video, audio, web fonts that are compressed in themselves, archives,
    /// PDF, office documents and gRPC.
    ///
    /// ```
    /// use ringlane::middleware::Compression;
    ///
    /// let texts = Compression::new().media_types(|media_type| media_type.starts_with("text/"));
    /// ```
    pub fn media_types(mut self, is_fit: fn(&str) -> bool) -> Self {
        self.is_fit = is_fit;
        self
    }

    /// Leaves word of what may be done to the answer, for when there is one.
    fn offer(&self, ctx: &Context) -> Result {
        let weights = Weights::of(ctx.headers());
        let coding = weights.choose(&self.codings);
        let is_forced = !weights.accept_identity();
        if is_forced && coding.is_none() {
            // RFC 9110 §12.5.3: not even an answer without a coding is acceptable.
            ctx.vary_by("Accept-Encoding");
            let problem = "no acceptable content coding";
            return Err(Error::new(StatusCode::NOT_ACCEPTABLE, problem));
        }
        ctx.0.reply.offer.set(Some(Offer {
            coding,
            is_forced,
            bytes_min: self.bytes_min,
            is_fit: self.is_fit,
        }));
        Ok(())
    }
}

/// Each coding once, at the level that was set or the usual one.
fn with_levels(
    codings: impl IntoIterator<Item = Coding>,
    levels: &[(Coding, u8)],
) -> Vec<(Coding, u8)> {
    let mut all: Vec<(Coding, u8)> = Vec::new();
    for coding in codings {
        let (_, _, usual) = coding.levels();
        let set = levels.iter().find(|(known, _)| *known == coding);
        if all.iter().all(|(known, _)| *known != coding) {
            all.push((coding, set.map_or(usual, |(_, level)| *level)));
        }
    }
    all
}

impl Default for Compression {
    fn default() -> Self {
        Self::new()
    }
}

impl Middleware for Compression {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        scope.before(move |ctx: &Context| self.offer(ctx))
    }
}

#[cfg(test)]
mod tests;
