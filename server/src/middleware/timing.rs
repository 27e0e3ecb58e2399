//! How long a request took, for whoever asked.

use std::time::Duration;

use ringlane_reactor::clock;

use super::Middleware;
use super::number::with_text;
use crate::{Builder, Context};

/// Says in the answer how long the request took: from the end of its head to the end of the layers
/// and the handler below this one.
///
/// | header | value |
/// |---|---|
/// | `Server-Timing` | `total;dur=1.042`, in milliseconds (W3C Server Timing) |
/// | `X-Processing-Time` | `1.042`, in milliseconds, [on demand](Self::processing_time) |
/// | `X-Request-Start` | when the head was complete, [on demand](Self::request_start) |
///
/// A streamed answer has only the last of them: how long it will take is not known when its head is
/// sent.
///
/// ```
/// use std::time::Duration;
/// use ringlane::middleware::Timing;
/// use ringlane::{Server, testing::Client};
///
/// let server = Server::builder()
///     .with(Timing::new().processing_time())
///     .get("/", async |_| ringlane::time::sleep(Duration::from_millis(1500)).await)
///     .build()?;
/// let answer = Client::new(server)?.get("/").send()?; // its clock is a simulated one
/// assert_eq!(answer.header("server-timing"), Some("total;dur=1500.000"));
/// assert_eq!(answer.header("x-processing-time"), Some("1500.000"));
/// # Ok::<(), ringlane::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    processing_time: bool,
    request_start: bool,
}

impl Timing {
    /// With `Server-Timing` alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `X-Processing-Time`.
    pub fn processing_time(mut self) -> Self {
        self.processing_time = true;
        self
    }

    /// Adds `X-Request-Start`: Unix time in milliseconds.
    pub fn request_start(mut self) -> Self {
        self.request_start = true;
        self
    }

    fn end(self, ctx: &Context) {
        if ctx.is_committed() {
            return; // a stream, or nobody is there any more
        }
        let millis = Millis(ctx.age());
        with_text(format_args!("total;dur={millis}"), |text| {
            ctx.add_header("Server-Timing", text);
        });
        if self.processing_time {
            with_text(format_args!("{millis}"), |text| {
                ctx.set_header("X-Processing-Time", text);
            });
        }
    }
}

/// In milliseconds, to the microsecond.
#[derive(Clone, Copy)]
struct Millis(Duration);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let micros = self.0.as_micros();
        write!(f, "{}.{:03}", micros / 1000, micros % 1000)
    }
}

fn begin(ctx: &Context) {
    let age = u64::try_from(ctx.age().as_nanos()).unwrap_or(u64::MAX);
    let millis = clock::unix_nanos().saturating_sub(age) / 1_000_000;
    with_text(format_args!("{millis}"), |text| {
        ctx.set_header("X-Request-Start", text);
    });
}

impl Middleware for Timing {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        let scope = scope.after(move |ctx: &Context| self.end(ctx));
        match self.request_start {
            true => scope.before(begin),
            false => scope,
        }
    }
}
