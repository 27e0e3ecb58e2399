//! A bounded number of things that are dear to make, shared by all cores: a connection pool.
//!
//! ```text
//! take() ─► idle one ──────────────────────────► Pooled ─► drop: the next in line, or idle again
//!   ├─────► a free place ─► check / create ─────►   ▲
//!   └─────► the line (first come, first served) ────┘
//! ```
//!
//! Always true here:
//! - Never more than the maximum are alive, those being made, checked and dropped included.
//! - What is handed to someone who has gone goes to the next in line, or back.
//! - No code of a user's runs while the lock is held.
//!
//! Not here: the books (`pool/shelf.rs`), work that blocks ([`blocking`](crate::blocking())).

mod pooled;
mod shelf;

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use crate::{Error, task, time};
use pooled::{Place, Wait};
use shelf::{Asked, Got, Live, Shelf, Terms};

pub use pooled::Pooled;

/// Makes what a [`Pool`] holds.
///
/// ```
/// use ringlane::{Context, Manage, Pool, Result, blocking};
/// # struct Sqlite;
/// # impl Sqlite {
/// #     fn open(_: &str) -> std::io::Result<Self> { Ok(Self) }
/// #     fn names(&self) -> std::io::Result<Vec<String>> { Ok(vec![]) }
/// # }
///
/// struct Files(&'static str);
///
/// impl Manage for Files {
///     type Resource = Sqlite;
///     type Error = ringlane::Error;
///
///     async fn create(&self) -> Result<Sqlite> {
///         let path = self.0;
///         Ok(blocking(move || Sqlite::open(path)).await??)
///     }
/// }
///
/// async fn names(ctx: Context, pool: Pool<Files>) -> Result {
///     let connection = pool.take().await?; // 503 if none becomes free in time
///     let names = blocking(move || connection.names()).await??; // it goes back from there
///     ctx.json(&names)
/// }
///
/// let pool = Pool::builder(Files("app.sqlite")).max(8).build();
/// let server = ringlane::Server::builder()
///     .get("/names", move |ctx| names(ctx, pool.clone()))
///     .build()?;
/// # Ok::<(), ringlane::BuildError>(())
/// ```
pub trait Manage: Send + Sync + 'static {
    /// What is pooled.
    type Resource: Send + 'static;
    /// Why one could not be made.
    type Error: Into<Error>;

    /// Makes one, on a core: what blocks belongs into [`blocking`](crate::blocking()). It runs to
    /// its end also if whoever asked for it has gone, or until its
    /// [time](PoolBuilder::create_time) is over: then it is dropped, and has failed.
    fn create(&self) -> impl Future<Output = Result<Self::Resource, Self::Error>>;

    /// Tells whether one that was not used for [a while](PoolBuilder::check_after) still works, and
    /// gives it back. One that does not, or for which this takes
    /// [too long](PoolBuilder::check_time), is replaced. By default all do.
    fn check(
        &self,
        resource: Self::Resource,
    ) -> impl Future<Output = Result<Self::Resource, Self::Error>> {
        std::future::ready(Ok(resource))
    }

    /// Whether one that comes back is of no more use, as far as can be told without waiting. By
    /// default none is.
    fn is_broken(&self, _resource: &mut Self::Resource) -> bool {
        false
    }
}

/// A pool of resources, shared by all clones of this handle, on any thread.
///
/// See [`Manage`] for an example.
pub struct Pool<M: Manage>(Arc<Inner<M>>);

struct Inner<M: Manage> {
    manager: M,
    wait_time: Duration,
    check_after: Option<Duration>,
    check_time: Duration,
    create_time: Duration,
    shelf: Shelf<M::Resource>,
}

/// Settings of a [`Pool`].
#[derive(Debug)]
#[must_use = "a pool is there when it is built"]
pub struct PoolBuilder<M> {
    manager: M,
    max: usize,
    waiting_max: usize,
    wait_time: Duration,
    check_after: Option<Duration>,
    check_time: Duration,
    create_time: Duration,
    idle_time: Duration,
    life_time: Duration,
}

impl<M: Manage> PoolBuilder<M> {
    /// Resources that are alive at one time. Default 10; 0 counts as 1.
    pub fn max(mut self, count: usize) -> Self {
        self.max = count;
        self
    }

    /// How many may wait for one at a time; for more, [`Pool::take`] fails at once. Default 1,024.
    pub fn waiting_max(mut self, count: usize) -> Self {
        self.waiting_max = count;
        self
    }

    /// How long [`Pool::take`] waits. Default 5 s.
    pub fn wait_time(mut self, time: Duration) -> Self {
        self.wait_time = time;
        self
    }

    /// Has a resource [checked](Manage::check) before it is handed out, if it was not used for so
    /// long; zero: each time. Default: none is checked.
    pub fn check_after(mut self, time: Duration) -> Self {
        self.check_after = Some(time);
        self
    }

    /// How long a [check](Manage::check) may take: what does not answer in that time is dropped,
    /// and another is made in its place. Default 5 s; `Duration::MAX` is for ever.
    pub fn check_time(mut self, time: Duration) -> Self {
        self.check_time = time;
        self
    }

    /// How long [making one](Manage::create) may take: then it has failed, and its place is free
    /// again. Default 30 s; `Duration::MAX` is for ever. What was given to
    /// [`blocking`](crate::blocking()) meanwhile runs to its end on its thread.
    pub fn create_time(mut self, time: Duration) -> Self {
        self.create_time = time;
        self
    }

    /// Drops a resource that was not used for so long. This happens when the pool is next used, not
    /// by itself. Default: 10 minutes.
    pub fn idle_time(mut self, time: Duration) -> Self {
        self.idle_time = time;
        self
    }

    /// Drops a resource that is so old, once it is free; likewise. Default: 1 hour.
    pub fn life_time(mut self, time: Duration) -> Self {
        self.life_time = time;
        self
    }

    /// The pool, still empty: resources are made when they are needed.
    pub fn build(self) -> Pool<M> {
        let max = NonZeroUsize::new(self.max).unwrap_or(NonZeroUsize::MIN);
        let terms = Terms {
            max,
            waiting_max: self.waiting_max,
            idle_time: self.idle_time,
            life_time: self.life_time,
        };
        Pool(Arc::new(Inner {
            manager: self.manager,
            wait_time: self.wait_time,
            check_after: self.check_after,
            check_time: self.check_time,
            create_time: self.create_time,
            shelf: Shelf::new(terms),
        }))
    }
}

impl<M: Manage> Pool<M> {
    /// Settings of a pool of what `manager` makes.
    pub fn builder(manager: M) -> PoolBuilder<M> {
        PoolBuilder {
            manager,
            max: 10,
            waiting_max: 1024,
            wait_time: Duration::from_secs(5),
            check_after: None,
            check_time: Duration::from_secs(5),
            create_time: Duration::from_secs(30),
            idle_time: Duration::from_secs(600),
            life_time: Duration::from_secs(3600),
        }
    }

    /// Takes a resource: one that is idle, a new one, or the next one that comes back. Who came
    /// first is served first.
    ///
    /// # Errors
    ///
    /// See [`PoolError`]; returned from a handler each becomes a 503 with `Retry-After`.
    ///
    /// # Panics
    ///
    /// Off a core's thread.
    pub async fn take(&self) -> Result<Pooled<M>, PoolError> {
        let took = time::timeout(self.0.wait_time, self.take_patiently()).await;
        took.unwrap_or(Err(PoolError::TimedOut))
    }

    async fn take_patiently(&self) -> Result<Pooled<M>, PoolError> {
        let pool = &self.0;
        for expired in pool.shelf.take_expired() {
            let place = Place::new(pool);
            pooled::drop_caught(expired);
            drop(place); // only now it is another's
        }
        let got = match pool.shelf.ask() {
            Asked::Got(got) => got,
            Asked::Wait(ticket) => Wait { pool, ticket }.await,
            Asked::Full => return Err(PoolError::Full),
        };
        let place = Place::new(pool);
        let is_fresh = |live: &Live<_>| {
            let unused = time::now() - live.used;
            pool.check_after.is_none_or(|time| unused < time)
        };
        let unchecked = match got {
            Got::Live(live) if is_fresh(&live) => return Ok(place.fill(live)),
            Got::Live(live) => Some(live),
            Got::Place => None,
        };
        // On its own, so that it has ended before its place is another's.
        let made = task::spawn(make_ready(place, unchecked)).await;
        made.unwrap_or_else(|_| Err(PoolError::Create(Error::internal("it panicked"))))
    }

    /// How full it is now.
    pub fn status(&self) -> PoolStatus {
        self.0.shelf.status()
    }
}

/// Checks what there is, or makes a new one in the same place.
async fn make_ready<M: Manage>(
    place: Place<M>,
    live: Option<Live<M::Resource>>,
) -> Result<Pooled<M>, PoolError> {
    let pool = Arc::clone(place.pool());
    if let Some(live) = live {
        let Live { resource, born, .. } = live;
        let checked = time::timeout(pool.check_time, pool.manager.check(resource)).await;
        match checked {
            Ok(Ok(resource)) => {
                let used = time::now();
                return Ok(place.fill(Live {
                    resource,
                    born,
                    used,
                }));
            }
            Ok(Err(error)) => {
                let error: Error = error.into();
                tracing::debug!(?error, "a pooled resource is replaced");
            }
            Err(late) => tracing::debug!(%late, "a pooled resource is replaced: its check hangs"),
        }
    }
    let created = time::timeout(pool.create_time, pool.manager.create()).await;
    let created = created.map_err(|late| PoolError::Create(Error::internal(late)))?;
    let resource = created.map_err(|error| PoolError::Create(error.into()))?;
    Ok(place.fill(Live::new(resource)))
}

impl<M: Manage> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Manage> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.status().fmt(f)
    }
}

/// How full a [`Pool`] is at one moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Resources that there are, or that are being made.
    pub alive: usize,
    /// Of these, resources that nobody uses.
    pub idle: usize,
    /// Who waits for one.
    pub waiting: usize,
}

/// Why [`Pool::take`] gave nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum PoolError {
    /// None became free in time.
    TimedOut,
    /// As many [as may wait](PoolBuilder::waiting_max) waited already.
    Full,
    /// None could be made, or not [in time](PoolBuilder::create_time), for this reason.
    Create(Error),
}

impl fmt::Display for PoolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut => f.write_str("no resource of a pool became free in time"),
            Self::Full => f.write_str("too many wait for a resource of a pool"),
            Self::Create(error) => write!(f, "a resource of a pool could not be made: {error}"),
        }
    }
}

impl StdError for PoolError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::TimedOut | Self::Full => None,
            Self::Create(error) => error.source(),
        }
    }
}

#[cfg(test)]
mod tests;
