//! Watches the cores from a thread of its own: one that is awake and makes no turn is stalled.
//!
//! ```text
//! all cores asleep ──► parked until one wakes up ──► looks every half stall time ──► asleep? …
//! ```
//!
//! Always true here:
//! - While all cores sleep, so does this; an idle process does nothing.
//! - It costs a core one load a turn, and a wake of this thread once every half stall time at most.
//!
//! Not here: what a stalled core was told to run (the application's business).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{self, Instant};
use crate::ends::Ends;
use crate::metrics::Metrics;
use crate::wake::Station;

/// A core that has made no turn for longer than [`stall_time`](crate::Config::stall_time), as
/// something on it blocks its thread; or that goes on after that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stall {
    /// The core's number.
    pub core: usize,
    /// How long it has made no turn, to half a stall time.
    pub lasted: Duration,
    /// Whether it goes on.
    pub is_over: bool,
}

/// Told of stalls, on the watchdog's thread.
#[derive(Clone, Default)]
pub struct StallHook(Option<Arc<dyn Fn(Stall) + Send + Sync>>);

impl StallHook {
    /// Calls a function once when a core stalls, and once when it goes on.
    pub fn new(tell: impl Fn(Stall) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    fn tell(&self, stall: Stall) {
        if let Some(tell) = &self.0 {
            let _ = crate::contain(|| tell(stall)); // its panic has been told by the panic hook
        }
    }
}

impl fmt::Debug for StallHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StallHook").field(&self.0.is_some()).finish()
    }
}

/// A core, as the watchdog sees it.
pub(crate) struct Watched {
    station: &'static Station,
    metrics: Arc<Metrics>,
    /// Its turns at the last look, and since when it has been awake with no more.
    seen: Option<(u64, Instant)>,
}

impl Watched {
    pub(crate) fn new(station: &'static Station, metrics: Arc<Metrics>) -> Self {
        Self {
            station,
            metrics,
            seen: None,
        }
    }

    /// Looks once. A change of state is given back, with how long it lasted so far.
    fn look(&mut self, now: Instant, stall_time: Duration) -> Option<(bool, Duration)> {
        // Turns first: a core that sleeps after that has ended the turn it was in.
        let turns = self.metrics.turns.get();
        let is_awake = !self.station.is_asleep();
        let was_stalled = self.metrics.stalled.get() > 0;
        let before = self.seen.filter(|&(seen, _)| is_awake && seen == turns);
        match before {
            Some((_, since)) => {
                let lasted = now - since;
                (lasted >= stall_time && !was_stalled).then_some((false, lasted))
            }
            None => {
                let since = self.seen.map_or(now, |(_, since)| since);
                self.seen = is_awake.then_some((turns, now));
                was_stalled.then_some((true, now - since))
            }
        }
    }
}

/// Starts the thread, for as long as a core runs.
///
/// # Errors
///
/// If the system has no thread for it.
pub(crate) fn start(
    mut cores: Vec<Watched>,
    stall_time: Duration,
    hook: StallHook,
    ends: Ends,
) -> std::io::Result<()> {
    let theirs = ends.clone();
    let thread = std::thread::Builder::new().name("ringlane-watchdog".to_owned());
    thread.spawn(move || {
        let (me, ends) = (std::thread::current(), theirs);
        for core in &cores {
            core.station.set_watchdog(Some(me.clone()));
        }
        ends.tell_at_the_end(me);
        watch(&mut cores, stall_time, &hook, &ends);
    })?;
    ends.await_watchdog(); // what a thread allocates as it starts is not for requests to show
    Ok(())
}

fn watch(cores: &mut [Watched], stall_time: Duration, hook: &StallHook, ends: &Ends) {
    while ends.are_some_running() {
        look_at_all(cores, stall_time, hook, ends);
        if cores.iter().all(|core| core.station.is_asleep()) {
            park_while_asleep(cores);
            look_at_all(cores, stall_time, hook, ends);
        }
        if ends.are_some_running() {
            std::thread::park_timeout(stall_time / 2);
        }
    }
}

fn look_at_all(cores: &mut [Watched], stall_time: Duration, hook: &StallHook, ends: &Ends) {
    let now = clock::now();
    for (number, core) in cores.iter_mut().enumerate() {
        if !ends.is_running(number) {
            continue;
        }
        if let Some((is_over, lasted)) = core.look(now, stall_time) {
            core.metrics.stalled.set(u64::from(!is_over));
            core.metrics.stalls.add(u64::from(!is_over));
            hook.tell(Stall {
                core: number,
                lasted,
                is_over,
            });
        }
    }
}

/// Sleeps until a core wakes up, or all have ended.
fn park_while_asleep(cores: &[Watched]) {
    for core in cores {
        core.station.call_watchdog_on_wake(true);
    }
    // Either a core that wakes up now sees that it is to call, or we see it awake.
    if cores.iter().all(|core| core.station.is_asleep()) {
        std::thread::park(); // it may return early: then it looks for nothing
    }
    for core in cores {
        core.station.call_watchdog_on_wake(false);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::mailbox::Bell;

    const STALL_TIME: Duration = Duration::from_millis(100);

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn awake_without_a_turn_for_the_stall_time_is_stalled() {
        let bell = Bell::Flag(Arc::new(AtomicBool::new(false)));
        let (_, station) = Station::claim(bell).expect("a core's number is free");
        let metrics = Arc::<Metrics>::default();
        let mut core = Watched::new(station, Arc::clone(&metrics));
        let mut look = |now| {
            let change = core.look(at(now), STALL_TIME);
            if let Some((is_over, _)) = change {
                metrics.stalled.set(u64::from(!is_over));
            }
            change
        };
        assert_eq!(look(0), None);
        assert_eq!(look(99), None);
        let stalled = Some((false, Duration::from_millis(100)));
        assert_eq!(look(100), stalled);
        assert_eq!(look(150), None, "it is told once");
        metrics.turns.add(1);
        let over = Some((true, Duration::from_millis(200)));
        assert_eq!(look(200), over);
        assert_eq!(look(299), None);
        metrics.turns.add(1);
        assert_eq!(look(301), None, "it makes turns");
        station.fall_asleep();
        assert_eq!(look(1000), None, "it sleeps");
        assert_eq!(look(2000), None);
        station.wake_up();
        assert_eq!(look(3000), None, "since now");
        assert!(look(3100).is_some());
        station.fall_asleep();
        assert_eq!(look(3200).map(|(is_over, _)| is_over), Some(true));
        station.release();
    }
}
