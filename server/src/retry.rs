//! Trying again what failed for a reason that may pass: with growing, random pauses.
//!
//! Always true here:
//! - An attempt is made at least once, and no more often than was said.
//! - No pause begins that would end after the time for all attempts together.
//!
//! Not here: giving up on one attempt that takes too long (`time.rs`), not trying at all for a
//! while (`breaker.rs`).

use std::time::Duration;

use crate::time;

/// How often to try, and how long to pause in between.
///
/// The pause before the second attempt is a random time up to [`pause`](Self::pause); before each
/// further one it may be twice as long, up to [`pause_max`](Self::pause_max). Random pauses keep
/// many who failed at one time from coming back at one time.
///
/// ```
/// use std::time::Duration;
/// use ringlane::{Context, Result, Retry, time};
///
/// # async fn ask_elsewhere() -> std::io::Result<String> { Ok("answer".into()) }
/// async fn ask(ctx: Context) -> Result {
///     let retry = Retry::new().attempts(5).total_time(Duration::from_secs(2));
///     let answer = retry
///         .run_if(
///             |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionRefused,
///             async || ask_elsewhere().await,
///         )
///         .await?;
///     ctx.text(answer);
///     Ok(())
/// }
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use = "a policy does nothing until something is run by it"]
pub struct Retry {
    attempts: u32,
    pause: Duration,
    pause_max: Duration,
    total_time: Duration,
    is_random: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            pause: Duration::from_millis(100),
            pause_max: Duration::from_secs(10),
            total_time: Duration::MAX,
            is_random: true,
        }
    }
}

impl Retry {
    /// Three attempts, pauses of up to 100 ms, 200 ms, and so on up to 10 s.
    pub fn new() -> Self {
        Self::default()
    }

    /// Attempts altogether. Default 3; 0 counts as 1.
    pub fn attempts(mut self, count: u32) -> Self {
        self.attempts = count;
        self
    }

    /// The longest pause before the second attempt. Default 100 ms.
    pub fn pause(mut self, time: Duration) -> Self {
        self.pause = time;
        self
    }

    /// The longest pause before any attempt. Default 10 s.
    pub fn pause_max(mut self, time: Duration) -> Self {
        self.pause_max = time;
        self
    }

    /// When the last attempt may begin, counted from the first. Default any time.
    ///
    /// An attempt that has begun is not cut off: give it a
    /// [`timeout`](crate::time::timeout) of its own, or all of them together one.
    pub fn total_time(mut self, time: Duration) -> Self {
        self.total_time = time;
        self
    }

    /// Makes each pause as long as it may be, for tests and for those who are alone.
    pub fn without_jitter(mut self) -> Self {
        self.is_random = false;
        self
    }

    /// Tries until it succeeds, or not again.
    ///
    /// # Errors
    ///
    /// The error of the last attempt.
    ///
    /// # Panics
    ///
    /// Off a core's thread, if it has to pause.
    pub async fn run<T, E>(&self, attempt: impl AsyncFnMut() -> Result<T, E>) -> Result<T, E> {
        self.run_if(|_| true, attempt).await
    }

    /// As [`run`](Self::run), but tries again only after errors of which `is_passing` holds.
    ///
    /// # Errors
    ///
    /// The error of the last attempt.
    ///
    /// # Panics
    ///
    /// Off a core's thread, if it has to pause.
    pub async fn run_if<T, E>(
        &self,
        is_passing: impl Fn(&E) -> bool,
        mut attempt: impl AsyncFnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let began = time::now();
        let mut made = 0;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            made += 1;
            if made >= self.attempts || !is_passing(&error) {
                return Err(error);
            }
            let pause = self.pause_after(made);
            if began.elapsed().saturating_add(pause) > self.total_time {
                return Err(error);
            }
            drop(error); // it may hold something that the next attempt needs
            time::sleep(pause).await;
        }
    }

    /// The pause after so many attempts.
    fn pause_after(&self, made: u32) -> Duration {
        let doublings = 1u32.checked_shl(made - 1).unwrap_or(u32::MAX);
        let longest = self.pause.saturating_mul(doublings).min(self.pause_max);
        if !self.is_random {
            return longest;
        }
        let nanos = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(fastrand::u64(0..=nanos))
    }
}

#[cfg(test)]
mod tests;
