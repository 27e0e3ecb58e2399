//! Sleeping, repeating and giving up, in simulated time.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::testing::Client;
use crate::{Result, Server};

/// Runs a task and tells what it noted, with the times since its beginning in milliseconds.
fn notes<F: Future<Output = ()> + 'static>(
    task: impl FnOnce(Rc<dyn Fn(&str)>) -> F,
) -> Result<String> {
    let mut client = Client::new(Server::builder().build()?)?;
    let noted = Rc::new(RefCell::new(Vec::new()));
    let (started, into) = (now(), Rc::clone(&noted));
    let note = move |what: &str| {
        let millis = started.elapsed().as_millis();
        into.borrow_mut().push(format!("{what}@{millis}"));
    };
    let task = client.spawn(task(Rc::new(note)));
    client.run(Duration::from_secs(60))?;
    assert!(task.is_finished());
    let noted = noted.borrow().join(" ");
    Ok(noted)
}

#[test]
fn sleeps_last_as_long_as_they_should() -> Result {
    let noted = notes(|note| async move {
        sleep(Duration::from_millis(20)).await;
        note("slept");
        sleep(Duration::ZERO).await;
        note("not at all");
        sleep_until(now() + Duration::from_millis(5)).await;
        note("until");
    });
    assert_eq!(noted?, "slept@20 not at all@20 until@25");
    Ok(())
}

#[test]
fn what_takes_too_long_is_given_up() -> Result {
    let noted = notes(|note| async move {
        let millis = Duration::from_millis;
        let slow = timeout(millis(10), sleep(millis(11))).await;
        assert_eq!(
            slow.map_err(|error| error.to_string()),
            Err("it took longer than 10ms".into())
        );
        note("given up");
        assert_eq!(timeout(millis(10), sleep(millis(9))).await, Ok(()));
        note("in time");
        assert_eq!(timeout(Duration::ZERO, async { 7 }).await, Ok(7));
        note("at once");
    });
    assert_eq!(noted?, "given up@10 in time@19 at once@19");
    Ok(())
}

#[test]
fn ticks_come_regularly_and_missed_ones_are_skipped() -> Result {
    let noted = notes(|note| async move {
        let mut ticks = interval(Duration::from_millis(10));
        for _ in 0..2 {
            note(&ticks.tick().await.to_string());
        }
        sleep(Duration::from_millis(35)).await;
        let late = ticks.tick().await;
        assert_eq!(now() - late.at(), Duration::from_millis(5));
        note(&late.to_string());
        note(&ticks.tick().await.to_string());
    });
    assert_eq!(noted?, "1@10 2@20 5@55 6@60");
    Ok(())
}

#[test]
#[should_panic(expected = "an interval needs a period")]
fn an_interval_without_a_period_is_a_mistake() {
    let _ = interval(Duration::ZERO);
}

#[test]
fn a_task_may_begin_where_a_cores_state_is_made() -> Result {
    use std::cell::Cell;
    use std::rc::Rc;
    let server = Server::builder()
        .state(|_core| {
            let count = Rc::new(Cell::new(0_u32));
            let counted = Rc::clone(&count);
            let _goes_on = crate::spawn(async move {
                sleep(Duration::from_millis(1)).await;
                counted.set(7);
            });
            count
        })
        .get("/", |ctx: crate::Context| {
            let count = ctx.state::<Rc<Cell<u32>>>().get();
            ctx.text_fmt(format_args!("{count}"));
        });
    let mut client = Client::new(server.build()?)?;
    client.run(Duration::from_secs(1))?;
    assert_eq!(client.get("/").send()?.text(), "7");
    Ok(())
}

#[test]
#[should_panic(expected = "`Builder::state`")]
fn spawning_off_a_core_says_where_it_works() {
    drop(crate::spawn(async {}));
}

#[test]
#[should_panic(expected = "works only on a core's thread")]
fn sleeping_off_a_core_says_so() {
    let mut sleep = std::pin::pin!(sleep(Duration::from_secs(1)));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let _ = sleep.as_mut().poll(&mut cx);
}
