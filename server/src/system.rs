//! What the process and the machine use: memory and processor time, from `/proc`.
//!
//! Always true here:
//! - After the first time, the files are read only if someone asks, at most once a second, and by
//!   a thread that may block.
//!
//! Not here: what the server counts itself (`status.rs`).

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use procfs::process::Process;
use procfs::{Current, CurrentSI, KernelStats, Meminfo, ProcResult, WithCurrentSystemInfo};
use serde::Serialize;

use crate::blocking;
use crate::time::{self, Instant};

/// For how long a sample is shown.
const FRESH_TIME: Duration = Duration::from_secs(1);
/// Processor time is counted in ticks of 10 ms: over less than this it says nothing.
const MEASURED_TIME_MIN: Duration = Duration::from_millis(100);

/// Memory and processor time, of the process and of the machine: see [`usage`]. What cannot be read
/// is `None`.
///
/// ```
/// fn show(usage: &ringlane::Usage) -> String {
///     format!("{:?} of {:?}", usage.process.memory_bytes, usage.system.memory_bytes)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// This process.
    pub process: ProcessUsage,
    /// The machine.
    pub system: SystemUsage,
}

/// What this process uses.
///
/// ```
/// fn is_busy(process: &ringlane::ProcessUsage) -> bool {
///     process.cpu_percent > Some(50.0)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct ProcessUsage {
    /// What it holds of the machine's memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Processor time since the sample before; 100 is one processor.
    pub cpu_percent: Option<f64>,
}

/// What the machine has, and what is used of it.
///
/// ```
/// fn is_short(system: &ringlane::SystemUsage) -> bool {
///     system.memory_available_bytes < Some(100 * 1024 * 1024)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SystemUsage {
    /// Its memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// What of it can be had without swapping, in bytes.
    pub memory_available_bytes: Option<u64>,
    /// Processor time since the sample before; 100 is all processors.
    pub cpu_percent: Option<f64>,
    /// The processors that this process may use.
    pub cpus: Option<usize>,
}

/// Processor time up to a moment, in ticks.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    at: Instant,
    process: Option<u64>,
    /// Busy, and all.
    system: Option<(u64, u64)>,
}

struct Sampler {
    /// Since when the shown processor times count.
    earlier: Option<Ticks>,
    shown: Usage,
    shown_at: Instant,
}

static SAMPLER: Mutex<Sampler> = Mutex::new(Sampler {
    earlier: None,
    shown: Usage {
        process: ProcessUsage {
            memory_bytes: None,
            cpu_percent: None,
        },
        system: SystemUsage {
            memory_bytes: None,
            memory_available_bytes: None,
            cpu_percent: None,
            cpus: None,
        },
    },
    shown_at: Instant::NEVER,
});

/// Takes the first sample, with which the next is compared.
pub(crate) fn begin() {
    let is_first = sampler().earlier.is_none();
    if is_first {
        sample();
    }
}

/// What this process and the machine use now, or used a second ago at most.
///
/// It is read at most once a second, on a thread that nothing else keeps, and works on a core's
/// thread only. The first sample has nothing to compare processor time with.
///
/// ```
/// use ringlane::{Context, Result, Server, testing::Client};
///
/// async fn memory(ctx: Context) -> Result {
///     ctx.json(&ringlane::usage().await)
/// }
///
/// let mut client = Client::new(Server::builder().get("/memory", memory).build()?)?;
/// let answer = client.get("/memory").send()?;
/// assert!(answer.text().starts_with(r#"{"process":{"memory_bytes":"#));
/// # Ok::<(), ringlane::Error>(())
/// ```
pub async fn usage() -> Usage {
    if !claim() {
        return sampler().shown;
    }
    // If no thread is free, the former sample will do.
    let _ = blocking::with_system(sample).await;
    sampler().shown
}

/// Whether the shown sample is too old; then it is the caller's to take another.
fn claim() -> bool {
    let now = time::now();
    let mut sampler = sampler();
    let is_due = sampler.shown_at == Instant::NEVER || now - sampler.shown_at >= FRESH_TIME;
    if is_due {
        sampler.shown_at = now;
    }
    is_due
}

fn sample() {
    let ticks = Ticks::read();
    let memory = Meminfo::current().ok();
    let process_memory = memory_bytes();
    let mut sampler = sampler();
    let earlier = sampler.earlier.replace(ticks);
    let (process_cpu, system_cpu) = earlier.map_or((None, None), |earlier| ticks.since(&earlier));
    sampler.shown = Usage {
        process: ProcessUsage {
            memory_bytes: process_memory,
            cpu_percent: process_cpu,
        },
        system: SystemUsage {
            memory_bytes: memory.as_ref().map(|memory| memory.mem_total),
            memory_available_bytes: memory.and_then(|memory| memory.mem_available),
            cpu_percent: system_cpu,
            cpus: std::thread::available_parallelism().ok().map(usize::from),
        },
    };
}

/// A panic while it was locked left nothing half-done: each section here is a few moves.
fn sampler() -> MutexGuard<'static, Sampler> {
    SAMPLER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What this process holds of the machine's memory now. It reads a file of the kernel's.
pub(crate) fn memory_bytes() -> Option<u64> {
    stat(|stat| stat.rss_bytes().get()).ok()
}

fn stat<T>(of: impl FnOnce(&procfs::process::Stat) -> T) -> ProcResult<T> {
    Ok(of(&Process::myself()?.stat()?))
}

impl Ticks {
    fn read() -> Self {
        let total = KernelStats::current().map(|kernel| kernel.total);
        Self {
            at: time::now(),
            process: stat(|stat| stat.utime + stat.stime).ok(),
            system: total.ok().map(|cpu| {
                let more = [cpu.irq, cpu.softirq, cpu.steal].map(Option::unwrap_or_default);
                let busy = cpu.user + cpu.nice + cpu.system + more.iter().sum::<u64>();
                (busy, busy + cpu.idle + cpu.iowait.unwrap_or_default())
            }),
        }
    }

    /// The process' share of one processor and the system's of all, in percent.
    fn since(&self, earlier: &Self) -> (Option<f64>, Option<f64>) {
        let elapsed = self.at - earlier.at;
        if elapsed < MEASURED_TIME_MIN {
            return (None, None);
        }
        let percent = |part: f64, whole: f64| (whole > 0.0).then(|| 100.0 * part / whole);
        let process = self.process.zip(earlier.process).and_then(|(now, before)| {
            let seconds = now.saturating_sub(before) as f64 / procfs::ticks_per_second() as f64;
            percent(seconds, elapsed.as_secs_f64())
        });
        let system = self.system.zip(earlier.system).and_then(|(now, before)| {
            let busy = now.0.saturating_sub(before.0);
            percent(busy as f64, now.1.saturating_sub(before.1) as f64)
        });
        (process, system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_processor_time_are_real() {
        sample();
        let began = time::now();
        let before = Ticks::read();
        let mut work = vec![1u64; 32 * 1024 * 1024 / 8]; // touched, so that it counts
        while began.elapsed() < Duration::from_millis(300) {
            for number in &mut work {
                *number = std::hint::black_box(number.wrapping_mul(31));
            }
        }
        let (process, system) = Ticks::read().since(&before);
        // However busy the machine is: some of the time was ours.
        assert!(
            process.is_some_and(|percent| percent > 0.0 && percent < 100_000.0),
            "{process:?}"
        );
        assert!(
            system.is_some_and(|percent| percent > 0.0 && percent <= 100.0),
            "{system:?}"
        );
        sample();
        let usage = sampler().shown;
        let held = usage.process.memory_bytes.expect("the process has memory");
        let all = usage.system.memory_bytes.expect("the machine has memory");
        assert!((32 << 20..all).contains(&held), "{usage:?}");
        assert!(usage.system.memory_available_bytes < Some(all), "{usage:?}");
        assert!(usage.system.cpus >= Some(1));
        drop(work);
    }

    #[test]
    fn too_short_a_time_says_nothing_and_none_divides_by_zero() {
        let at = |millis: u64, process, system| Ticks {
            at: Instant::from_nanos(millis * 1_000_000),
            process: Some(process),
            system: Some(system),
        };
        let earlier = at(1000, 100, (50, 1000));
        assert_eq!(at(1099, 200, (60, 1010)).since(&earlier), (None, None));
        let process = 100.0 * (50.0 / procfs::ticks_per_second() as f64);
        let both = at(2000, 150, (75, 1100)).since(&earlier);
        assert_eq!(both, (Some(process), Some(25.0)));
        assert_eq!(at(2000, 90, (50, 1000)).since(&earlier), (Some(0.0), None));
    }
}
