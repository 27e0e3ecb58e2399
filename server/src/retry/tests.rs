//! When attempts are made, in simulated time.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use super::Retry;
use crate::testing::Client;
use crate::{Server, time};

const MILLI: Duration = Duration::from_millis(1);

/// Runs a future on a simulated core, for up to a simulated day.
fn on_core<T: 'static>(future: impl Future<Output = T> + 'static) -> T {
    let server = Server::builder().build().expect("an empty server");
    let mut client = Client::new(server).expect("a core is free");
    let result = Rc::new(Cell::new(None));
    let place = Rc::clone(&result);
    let _task = client.spawn(async move { place.set(Some(future.await)) });
    client.run(86_400_000 * MILLI).expect("the core runs");
    result.take().expect("it ends within a day")
}

/// Runs what always fails. Gives when attempts were made, in milliseconds, and the last error.
fn failing(retry: Retry, each: Duration) -> (Vec<u64>, u32) {
    on_core(async move {
        let began = time::now();
        let times = RefCell::new(Vec::new());
        let result: Result<(), u32> = retry
            .run(async || {
                let millis = began.elapsed().as_millis();
                times
                    .borrow_mut()
                    .push(u64::try_from(millis).expect("not long"));
                time::sleep(each).await;
                Err(u32::try_from(times.borrow().len()).expect("a few"))
            })
            .await;
        (times.into_inner(), result.expect_err("it always fails"))
    })
}

#[test]
fn pauses_double_up_to_the_longest() {
    let retry = Retry::new().without_jitter().pause(100 * MILLI);
    assert_eq!(failing(retry, Duration::ZERO), (vec![0, 100, 300], 3));
    let retry = retry.attempts(7).pause_max(500 * MILLI);
    let times = vec![0, 100, 300, 700, 1200, 1700, 2200];
    assert_eq!(failing(retry, Duration::ZERO), (times, 7));
    for attempts in [0, 1] {
        assert_eq!(failing(retry.attempts(attempts), MILLI), (vec![0], 1));
    }
    // However often it doubles.
    let often = Retry::new().attempts(80).pause(MILLI).pause_max(2 * MILLI);
    assert_eq!(failing(often, Duration::ZERO).1, 80);
    let longest = Retry::new().pause(Duration::MAX).pause_max(Duration::MAX);
    assert_eq!(longest.without_jitter().pause_after(40), Duration::MAX);
    let _any = longest.pause_after(40);
}

#[test]
fn no_attempt_begins_after_the_time_for_all() {
    let retry = Retry::new().without_jitter().attempts(9).pause(100 * MILLI);
    let (times, last) = failing(retry.total_time(700 * MILLI), Duration::ZERO);
    assert_eq!((times, last), (vec![0, 100, 300, 700], 4));
    let (times, _) = failing(retry.total_time(699 * MILLI), Duration::ZERO);
    assert_eq!(times, [0, 100, 300]);
    // The time that attempts take counts.
    let (times, _) = failing(retry.total_time(700 * MILLI), 250 * MILLI);
    assert_eq!(times, [0, 350]);
}

#[test]
fn pauses_are_spread_over_all_of_their_range() {
    let retry = Retry::new().pause(1000 * MILLI);
    for (made, longest) in [(1, 1000), (2, 2000), (3, 4000)] {
        let pauses: Vec<_> = (0..1000).map(|_| retry.pause_after(made)).collect();
        assert!(pauses.iter().all(|&pause| pause <= longest * MILLI));
        // A thousand draws miss a tenth of the range once in 10^45 runs.
        for tenth in 0..10 {
            let range = longest * MILLI * tenth / 10..longest * MILLI * (tenth + 1) / 10;
            assert!(
                pauses.iter().any(|pause| range.contains(pause)),
                "{range:?}"
            );
        }
    }
}

#[test]
fn success_and_lasting_errors_end_it() {
    let run = |outcomes: &'static [Result<&str, &str>]| {
        on_core(async move {
            let mut outcomes = outcomes.iter();
            let retry = Retry::new().attempts(5);
            let result = retry
                .run_if(
                    |error: &&str| *error == "busy",
                    async || *outcomes.next().expect("no more attempts than that"),
                )
                .await;
            (result, outcomes.len())
        })
    };
    assert_eq!(run(&[Ok("a")]), (Ok("a"), 0));
    assert_eq!(run(&[Err("busy"), Err("busy"), Ok("b")]), (Ok("b"), 0));
    assert_eq!(
        run(&[Err("busy"), Err("denied"), Ok("c")]),
        (Err("denied"), 1)
    );
}
