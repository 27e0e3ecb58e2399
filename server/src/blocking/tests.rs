//! Blocking work over a simulated core: results, panics, and work that is not wanted any more.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::pool::Pool;
use super::{BLOCKING_QUEUE_MAX, BLOCKING_THREADS_MAX};
use crate::testing::Client;
use crate::{BlockingError, Context, Result, Server, blocking};

/// Work that keeps threads of handlers until this is dropped. It is given away by a thread of its
/// own: no simulated core waits for its end.
pub(crate) struct Held(Arc<AtomicBool>);

impl Held {
    pub(crate) fn begin(count: usize) -> Self {
        Self::in_pool(&super::pool::HANDLERS, count)
    }

    /// Keeps the threads for files, and fills their queue with what is soon done.
    pub(crate) fn files(queued: usize) -> Self {
        let held = Self::in_pool(&super::pool::FILES, super::FILE_THREADS_MAX);
        let filling = std::thread::spawn(move || {
            for _ in 0..queued {
                let job = super::pool::FILES.run(Box::new(|| ()));
                job.expect("there is room so far");
            }
        });
        filling.join().expect("no panic");
        held
    }

    fn in_pool(pool: &'static Pool, count: usize) -> Self {
        let release = Arc::new(AtomicBool::new(false));
        let begun = Arc::new(AtomicUsize::new(0));
        let threads = count.min(BLOCKING_THREADS_MAX);
        for _ in 0..count {
            let (release, begun) = (Arc::clone(&release), Arc::clone(&begun));
            let hold = move || {
                begun.fetch_add(1, Ordering::SeqCst);
                while !release.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            pool.run(Box::new(hold)).expect("there is room");
        }
        while begun.load(Ordering::SeqCst) < threads {
            std::thread::sleep(Duration::from_millis(1));
        }
        Self(release)
    }

    pub(crate) fn is_held(&self) -> bool {
        !self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn release(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release();
    }
}

#[test]
fn results_and_panics_reach_whoever_awaits() -> Result {
    let server = Server::builder()
        .get("/ok", async |_| -> Result<String> {
            let name = blocking(|| std::thread::current().name().map(str::to_owned)).await?;
            Ok(name.unwrap_or_default())
        })
        .get("/many", async |_| -> Result<String> {
            let all: Vec<_> = (0..200)
                .map(|number| {
                    blocking(move || {
                        std::thread::sleep(Duration::from_millis(1));
                        number
                    })
                })
                .collect();
            let mut sum = 0;
            for one in all {
                sum += one.await?;
            }
            Ok(sum.to_string())
        })
        .get("/panic", async |_| -> Result {
            let error = blocking(|| panic!("on purpose"))
                .await
                .expect_err("it panics");
            assert!(matches!(error, BlockingError::Panicked(_)));
            assert_eq!(error.to_string(), "blocking work panicked: on purpose");
            Err(error.into())
        });
    let mut client = Client::new(server.build()?)?;
    let answer = client.get("/ok").send()?;
    assert!(
        answer.text().starts_with("ringlane-blocking-"),
        "{}",
        answer.text()
    );
    assert_eq!(
        client.get("/many").send()?.text(),
        (0..200).sum::<u32>().to_string()
    );
    assert_eq!(client.get("/panic").send()?.status(), 500);
    Ok(())
}

#[test]
fn work_that_nobody_awaits_any_more_is_not_begun() -> Result {
    static DONE: AtomicUsize = AtomicUsize::new(0);
    let release = Arc::new(AtomicBool::new(false));
    // More than there are threads, and all of them wait.
    let hold = || {
        let release = Arc::clone(&release);
        move || {
            while !release.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    };
    let held: Vec<_> = (0..BLOCKING_THREADS_MAX)
        .map(|_| blocking(hold()))
        .collect();
    drop(blocking(|| DONE.fetch_add(1, Ordering::SeqCst)));
    let wanted = blocking(|| DONE.fetch_add(10, Ordering::SeqCst));
    release.store(true, Ordering::SeqCst);
    let work = std::cell::Cell::new(Some((held, wanted)));
    let mut client = Client::new(Server::builder().build()?)?;
    let ended = client.spawn(async move {
        let (held, wanted) = work.take().expect("it is taken once");
        for one in held {
            one.await?;
        }
        wanted.await?;
        crate::ok()
    });
    while !ended.is_finished() {
        client.run(Duration::ZERO)?;
    }
    assert_eq!(DONE.load(Ordering::SeqCst), 10);
    Ok(())
}

#[test]
fn a_context_can_be_awaited_across_threads() -> Result {
    let server = Server::builder().post("/", async |ctx: Context| -> Result {
        let body = ctx.body().bytes().await?;
        let sum = blocking(move || body.iter().map(|&byte| u32::from(byte)).sum::<u32>()).await?;
        ctx.text(sum.to_string());
        Ok(())
    });
    let mut client = Client::new(server.build()?)?;
    assert_eq!(client.post("/").body(vec![1, 2, 3]).send()?.text(), "6");
    Ok(())
}

#[test]
fn the_queue_has_an_end_and_what_is_beyond_it_is_a_503() {
    static POOL: Pool = Pool::new("own", BLOCKING_THREADS_MAX, BLOCKING_QUEUE_MAX);
    static IS_OPEN: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    static DONE: AtomicUsize = AtomicUsize::new(0);
    let job = || {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        let is_open = IS_OPEN.0.lock().expect("no test panicked with it");
        let wait = IS_OPEN.1.wait_while(is_open, |is_open| !*is_open);
        drop(wait.expect("no test panicked with it"));
        DONE.fetch_add(1, Ordering::SeqCst);
    };
    let wait_until = |word: &AtomicUsize, count| {
        while word.load(Ordering::SeqCst) < count {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    for _ in 0..BLOCKING_THREADS_MAX {
        POOL.run(Box::new(job)).expect("a thread is free");
    }
    wait_until(&BEGUN, BLOCKING_THREADS_MAX);
    for _ in 0..BLOCKING_QUEUE_MAX {
        POOL.run(Box::new(job)).expect("there is room");
    }
    let error = POOL.run(Box::new(job)).expect_err("there is none");
    assert!(matches!(error, BlockingError::QueueFull));
    assert_eq!(BEGUN.load(Ordering::SeqCst), BLOCKING_THREADS_MAX);
    let error = crate::Error::from(error);
    assert_eq!(error.status(), 503);
    assert_eq!(error.message(), "too much blocking work is waiting");
    *IS_OPEN.0.lock().expect("no test panicked with it") = true;
    IS_OPEN.1.notify_all();
    wait_until(&DONE, BLOCKING_THREADS_MAX + BLOCKING_QUEUE_MAX);
    POOL.run(Box::new(job)).expect("there is room again");
}

#[test]
fn blocking_work_does_not_stay_on_the_cpu_of_the_core_that_asked_for_it() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    static POOL: Pool = Pool::new("own", 1, 1);
    let all = sched_getaffinity(Some(rustix::process::getpid())).expect("it can be asked for");
    let (told, heard) = std::sync::mpsc::channel();
    let core = std::thread::spawn(move || {
        let mut one = CpuSet::new();
        one.set(
            (0..CpuSet::MAX_CPU)
                .find(|&cpu| all.is_set(cpu))
                .expect("there is one"),
        );
        sched_setaffinity(None, &one).expect("a core is pinned like this");
        let job = move || {
            let cpus = sched_getaffinity(None).expect("it can be asked for");
            told.send(cpus).expect("the test waits for it");
        };
        POOL.run(Box::new(job)).expect("a thread is free");
    });
    core.join().expect("it did not panic");
    assert_eq!(heard.recv().expect("the work is done"), all);
}
