//! How often a client may ask: a bucket of tokens for each.
//!
//! Always true here:
//! - No request allocates, but one that is refused.
//! - Memory is bounded: the number of keys is set, and taken at the start.
//!
//! Not here: buckets (`rate_limit/table.rs`), what one core holds of them (`rate_limit/lease.rs`).

mod lease;
mod table;

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use lease::OnCore;
use table::{Rate, Table};

use super::Middleware;
use super::client;
use super::number::with_text;
use crate::{Builder, Context, Error, Flow, IntoResponse};

/// How many keys are told apart, unless another number is set.
const KEYS: usize = 65_536;
const KEYS_MAX: usize = 16_777_216;
const WINDOW_MAX: Duration = Duration::from_secs(24 * 3600);

/// The bucket of all requests without a key. Any number but zero would do: hashes are keyed anew at
/// every start, so nobody can choose to have this one.
const KEYLESS: u64 = u64::MAX;

/// Limits how often each client may ask. One request more is answered 429 with `Retry-After`.
///
/// Each key has a bucket of tokens. A request takes one; the bucket fills at a steady rate, up to
/// the [burst](Self::burst). The key is the client's address (of IPv6 its first 64 bits; all
/// clients of a Unix socket are one), [who it has proved to be](Self::by_identity), or [what you
/// say](Self::key). Requests without a key share one bucket; none passes for the lack of it.
///
/// The limit holds over all cores. A core takes tokens from the shared bucket in batches, of a
/// sixteenth of the burst over the number of cores and of 64 at most, and gives them back or lets
/// them lapse if they are not used. So over any time at most a sixteenth of the burst is let
/// through beyond the rate, and nothing where the burst is smaller than 32. With
/// [`per_core`](Self::per_core) each core has buckets of its own and nothing is shared.
///
/// [65,536 keys](Self::keys_max) are told apart. Where more come, the bucket that is the fullest of
/// eight is given to the new key: whoever is being limited stays limited.
///
/// ```
/// use std::time::Duration;
/// use ringlane::middleware::RateLimit;
/// use ringlane::{Server, testing::Client};
///
/// let limit = RateLimit::new(2, Duration::from_secs(60));
/// let server = Server::builder().with(limit).get("/", |_| "hello").build()?;
/// let mut client = Client::new(server)?;
/// assert_eq!(client.get("/").send()?.status(), 200);
/// assert_eq!(client.get("/").send()?.status(), 200);
/// let answer = client.get("/").send()?;
/// assert_eq!(answer.status(), 429);
/// assert_eq!(answer.header("retry-after"), Some("30"));
/// # Ok::<(), ringlane::Error>(())
/// ```
///
/// A limit for each user, and one for all of them together:
///
/// ```
/// use std::time::Duration;
/// use ringlane::middleware::auth::{Basic, User};
/// use ringlane::middleware::{RateKey, RateLimit};
/// use ringlane::Server;
///
/// let second = Duration::from_secs(1);
/// let each = RateLimit::new(10, second).by_identity(|user: &User| RateKey::of(user.name()));
/// let all = RateLimit::new(5_000, second).key(|_| Some(RateKey::of("all"))).keys_max(8);
/// let server = Server::builder()
///     .with(Basic::users("shop", [("ferris", "crab")])) // before the limit that asks who it is
///     .with(each)
///     .with(all)
///     .get("/", |_| "hello")
///     .build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
#[derive(Clone)]
pub struct RateLimit {
    requests: u32,
    window: Duration,
    burst: u32,
    keys: usize,
    is_per_core: bool,
    needs_key: bool,
    policy: Option<&'static str>,
    key: Arc<KeyOf>,
}

type KeyOf = dyn Fn(&Context) -> Option<RateKey> + Send + Sync;

/// Whose bucket a request takes its token from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RateKey(u64);

impl RateKey {
    /// Of anything that can be hashed. The hash is keyed anew at every start, so that nobody can
    /// choose to share a bucket with someone else.
    pub fn of(value: impl Hash) -> Self {
        static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Self(HASHER.hash_one(value).max(1)) // zero is a place that is free
    }

    /// Of the [client's address](Context::client_address), as limits without another key have it:
    /// of IPv6 its first 64 bits. All clients of a Unix socket have one key, and so have all whose
    /// address is not known.
    pub fn of_client(ctx: &Context) -> Self {
        Self::of(client::origin(ctx))
    }
}

impl RateLimit {
    /// So many requests in so much time, and as many at once.
    ///
    /// # Panics
    ///
    /// If there are none, or the time is none or longer than a day.
    pub fn new(requests: u32, window: Duration) -> Self {
        assert!(requests > 0, "a rate is one request at least");
        let is_window = !window.is_zero() && window <= WINDOW_MAX;
        assert!(is_window, "a rate is given for up to a day");
        Self {
            requests,
            window,
            burst: requests,
            keys: KEYS,
            is_per_core: false,
            needs_key: false,
            policy: None,
            key: Arc::new(|ctx| Some(RateKey::of_client(ctx))),
        }
    }

    /// How many requests may come at once, after a pause: the size of the bucket.
    ///
    /// # Panics
    ///
    /// If it is none.
    pub fn burst(mut self, requests: u32) -> Self {
        assert!(requests > 0, "a bucket has one token at least");
        self.burst = requests;
        self
    }

    /// Takes the key from who the client has proved to be: the value of type `T` that an
    /// [authenticating layer](super::auth) before this one has stored with the request. Requests
    /// without such a value are limited by the [client's address](RateKey::of_client).
    pub fn by_identity<T: 'static>(
        self,
        key: impl Fn(&T) -> RateKey + Send + Sync + 'static,
    ) -> Self {
        self.key(move |ctx| {
            let identity = ctx.get::<T>().map(&key);
            Some(identity.unwrap_or_else(|| RateKey::of_client(ctx)))
        })
    }

    /// Takes the key from elsewhere. Requests without one share one bucket, or are refused if a key
    /// is [required](Self::require_key). What a client can choose at will, such as a header that
    /// nobody has verified, does not limit it: it takes another value for each request.
    pub fn key(
        mut self,
        key: impl Fn(&Context) -> Option<RateKey> + Send + Sync + 'static,
    ) -> Self {
        self.key = Arc::new(key);
        self
    }

    /// Refuses requests without a key with 403, instead of having them share one bucket.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ringlane::middleware::auth::User;
    /// use ringlane::middleware::{RateKey, RateLimit};
    /// use ringlane::{Server, testing::Client};
    ///
    /// let by_user = RateLimit::new(10, Duration::from_secs(1))
    ///     .key(|ctx| ctx.get::<User>().map(|user| RateKey::of(user.name())))
    ///     .require_key();
    /// let server = Server::builder().with(by_user).get("/", |_| "hello").build()?;
    /// assert_eq!(Client::new(server)?.get("/").send()?.status(), 403);
    /// # Ok::<(), ringlane::Error>(())
    /// ```
    pub fn require_key(mut self) -> Self {
        self.needs_key = true;
        self
    }

    /// How many keys are told apart at a time; 16 bytes each.
    ///
    /// # Panics
    ///
    /// If it is none, or more than 16,777,216.
    pub fn keys_max(mut self, count: usize) -> Self {
        let is_within = (1..=KEYS_MAX).contains(&count);
        assert!(is_within, "keys are 1 to 16,777,216");
        self.keys = count;
        self
    }

    /// Limits on each core alone: nothing is shared, and a client whose connections lie on several
    /// cores may ask more often.
    pub fn per_core(mut self) -> Self {
        self.is_per_core = true;
        self
    }

    /// Tells clients of the limit, under this name, as draft-ietf-httpapi-ratelimit-headers-11 has
    /// it: `RateLimit-Policy: "name";q=10;w=60` (the burst, and the seconds in which it fills) and
    /// `RateLimit: "name";r=9` (what is left), with `;t=` seconds to wait where nothing is.
    ///
    /// # Panics
    ///
    /// If the name has more than 32 characters, or others than letters, digits, `-` and `_`.
    pub fn headers(mut self, name: &'static str) -> Self {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let is_name = name.len() <= 32 && name.bytes().all(is_fit);
        assert!(is_name, "a policy's name is 32 letters or digits at most");
        self.policy = Some(name);
        self
    }

    /// One core's part of it.
    fn on_core(&self, shared: &Shared) -> OnCore {
        if self.is_per_core {
            let own = Table::new(shared.rate, self.keys);
            return OnCore::new(Arc::new(own), Arc::new(AtomicUsize::new(1)));
        }
        shared.cores.fetch_add(1, Ordering::Relaxed);
        let table = shared
            .table
            .get_or_init(|| Arc::new(Table::new(shared.rate, self.keys)));
        OnCore::new(Arc::clone(table), Arc::clone(&shared.cores))
    }

    fn apply(&self, own: &OnCore, ctx: &Context) -> Flow {
        let hash = match (self.key)(ctx) {
            Some(RateKey(hash)) => hash,
            None if self.needs_key => return refuse_unknown(ctx),
            None => KEYLESS,
        };
        let now = ctx.0.received_at;
        let taken = own.take(hash, now);
        if let Some(name) = self.policy {
            let rate = own.rate();
            let (burst, fill) = (rate.burst(), seconds(rate.fill_time()));
            add(
                ctx,
                "RateLimit-Policy",
                format_args!("\"{name}\";q={burst};w={fill}"),
            );
            match taken {
                Ok(()) => {
                    let left = own.left(hash, now);
                    add(ctx, "RateLimit", format_args!("\"{name}\";r={left}"));
                }
                Err(wait) => {
                    let wait = seconds(wait);
                    add(ctx, "RateLimit", format_args!("\"{name}\";r=0;t={wait}"));
                }
            }
        }
        match taken {
            Ok(()) => Flow::Continue,
            Err(wait) => refuse(ctx, wait),
        }
    }
}

/// What the cores have in common.
struct Shared {
    rate: Rate,
    /// How many they are; none is added once the server listens.
    cores: Arc<AtomicUsize>,
    table: OnceLock<Arc<Table>>,
}

#[cold]
fn refuse_unknown(ctx: &Context) -> Flow {
    let error = Error::new(403, "the request has no key to be limited by");
    error.with_code("RATE_LIMIT_KEY").into_response(ctx);
    Flow::Stop
}

#[cold]
fn refuse(ctx: &Context, wait: Duration) -> Flow {
    with_text(format_args!("{}", seconds(wait)), |text| {
        ctx.set_header("Retry-After", text);
    });
    let error = Error::new(429, "rate limit exceeded").with_code("RATE_LIMIT");
    error.into_response(ctx);
    Flow::Stop
}

fn add(ctx: &Context, name: &str, value: fmt::Arguments<'_>) {
    with_text(value, |text| {
        ctx.add_header(name, text);
    });
}

/// Whole seconds, of which one more has begun; at least one.
fn seconds(time: Duration) -> u64 {
    let begun = u64::from(time.subsec_nanos() > 0);
    (time.as_secs() + begun).max(1)
}

impl Middleware for RateLimit {
    fn install<S>(self, scope: Builder<S>) -> Builder<S> {
        let shared = Shared {
            rate: Rate::new(self.requests, self.window, self.burst),
            cores: Arc::default(),
            table: OnceLock::new(),
        };
        scope.before_on_core(move |_| {
            let own = self.on_core(&shared);
            let limit = self.clone();
            move |ctx: &Context| limit.apply(&own, ctx)
        })
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("requests", &self.requests)
            .field("window", &self.window)
            .field("burst", &self.burst)
            .field("keys", &self.keys)
            .field("is_per_core", &self.is_per_core)
            .field("needs_key", &self.needs_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
