//! On which CPUs the workers run: how many there are by default, and when they are pinned.
//!
//! Always true here:
//! - A worker is pinned only if every CPU that the process may use has its worker, or by request:
//!   another process may have chosen the same CPU otherwise.
//!
//! Not here: reading the quota (`quota.rs`), pinning a thread (`crew.rs`).

use std::fmt;
use std::io;
use std::str::FromStr;

use rustix::thread::{CpuSet, sched_getaffinity};

use crate::quota::Quota;

/// CPUs by number, as `taskset --cpu-list` takes them: `2-5,7`. None is there twice.
///
/// ```
/// use ringlane_reactor::cores::CpuList;
///
/// let list: CpuList = "2-5,7".parse()?;
/// assert_eq!(list.cpus(), [2, 3, 4, 5, 7]);
/// assert!("5-2".parse::<CpuList>().is_err());
/// # Ok::<(), ringlane_reactor::cores::CpuListError>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct CpuList(Vec<usize>);

impl CpuList {
    /// The CPUs, in the order in which they were written.
    pub fn cpus(&self) -> &[usize] {
        &self.0
    }
}

/// A text that names no CPUs, and what is wrong with it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CpuListError {
    text: String,
    problem: String,
}

impl fmt::Display for CpuListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, problem } = self;
        write!(
            f,
            "`{text}` is no list of CPUs: {problem} (expected numbers and ranges, as in 2-5,7)"
        )
    }
}

impl std::error::Error for CpuListError {}

impl FromStr for CpuList {
    type Err = CpuListError;

    fn from_str(text: &str) -> Result<Self, CpuListError> {
        let wrong = |problem: String| CpuListError {
            text: text.to_owned(),
            problem,
        };
        let number = |part: &str| match part.trim().parse::<usize>() {
            Ok(cpu) if cpu < CpuSet::MAX_CPU => Ok(cpu),
            Ok(cpu) => Err(wrong(format!("CPU {cpu} is above {}", CpuSet::MAX_CPU - 1))),
            Err(_) => Err(wrong(format!("`{part}` is no number of a CPU"))),
        };
        if text.trim().is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        let mut cpus = Vec::new();
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(wrong(format!("the range {part} is reversed")));
            }
            for cpu in first..=last {
                if cpus.contains(&cpu) {
                    return Err(wrong(format!("CPU {cpu} is there twice")));
                }
                cpus.push(cpu);
            }
        }
        Ok(Self(cpus))
    }
}

/// The CPUs that this process may use.
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect())
}

/// What a setup asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) workers: Option<usize>,
    pub(crate) cpus: Option<&'a CpuList>,
    pub(crate) unpinned: bool,
}

/// How many workers there are, and where they run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Plan {
    pub(crate) workers: usize,
    /// The CPU of each, if they are pinned.
    pub(crate) pins: Option<Vec<usize>>,
    /// Why so many, for the start-up line.
    pub(crate) why: String,
}

/// Why the workers cannot run where they were told to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum PlanError {
    /// This process may not use this CPU; those that it may use follow.
    NotAllowed(usize, Vec<usize>),
    /// So many workers were asked for, and so many CPUs named for them.
    Count(usize, usize),
}

/// Decides where the workers run.
pub(crate) fn plan(
    wish: Wish<'_>,
    allowed: Vec<usize>,
    quota: Option<Quota>,
) -> Result<Plan, PlanError> {
    if let Some(list) = wish.cpus {
        let cpus = list.cpus();
        if let Some(&cpu) = cpus.iter().find(|cpu| !allowed.contains(cpu)) {
            return Err(PlanError::NotAllowed(cpu, allowed));
        }
        if let Some(count) = wish.workers.filter(|&count| count != cpus.len()) {
            return Err(PlanError::Count(count, cpus.len()));
        }
        return Ok(Plan {
            workers: cpus.len(),
            pins: (!wish.unpinned).then(|| cpus.to_vec()),
            why: format!("CPUs {} as asked", Ranges(cpus)),
        });
    }
    let quota = quota.filter(|quota| quota.workers() < allowed.len());
    let (workers, why) = match (wish.workers, quota) {
        (Some(count), _) => (count.max(1), "as asked".to_owned()),
        (None, Some(quota)) => {
            let why = format!("a CPU quota of {:.2}", quota.cpus());
            (quota.workers(), why)
        }
        (None, None) => (allowed.len().max(1), "one for each allowed CPU".to_owned()),
    };
    let pinned = !wish.unpinned && workers == allowed.len();
    Ok(Plan {
        workers,
        pins: pinned.then_some(allowed),
        why,
    })
}

/// CPUs as lists of them are written.
pub(crate) struct Ranges<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Ranges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_a_row = |one: &usize, next: &usize| one + 1 == *next;
        for (index, range) in self.0.chunk_by(in_a_row).enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match range {
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [cpu] => write!(f, "{comma}{cpu}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
