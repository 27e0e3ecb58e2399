//! The ring by itself: numbers, limits, and several threads at once.

use std::sync::Mutex;

use super::*;
use crate::topics::Publication;
use crate::websocket::Message;

fn text(text: &str) -> Publication<'static> {
    Publication::Message(Message::from(text.to_owned()))
}

const START: Instant = Instant::from_nanos(0);

fn kept(history: History) -> Arc<Kept> {
    Arc::new(Kept::new(history, 0))
}

/// The numbers in the ids of what is replayed; 0 for a gap.
fn numbers(replay: &mut Replay) -> Vec<u64> {
    std::iter::from_fn(|| replay.missed.advance())
        .map(|missed| match missed {
            Missed::Gap(_) => 0,
            Missed::Piece(piece) => number_in(&piece.bytes(false)),
        })
        .collect()
}

fn number_in(event: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(event);
    let id = text.lines().find_map(|line| line.strip_prefix("id: "));
    let number = id.and_then(|id| id.split_once(':')?.1.parse().ok());
    number.expect("each event has its number")
}

fn at(seconds: u64) -> Instant {
    START + Duration::from_secs(seconds)
}

#[test]
fn numbers_are_posted_in_order_from_all_threads() {
    const EACH: usize = 500;
    let kept = kept(History::default().max_events(4 * EACH));
    let posted = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    kept.append(text("a"), START, |shipment| {
                        let mut posted = posted.lock().expect("no thread panics");
                        posted.extend(shipment.number());
                        true
                    });
                }
            });
        }
    });
    let expected: Vec<u64> = (1..=4 * EACH as u64).collect();
    assert_eq!(posted.into_inner().expect("no thread panics"), expected);
    let mut all = kept.replay(Some(&kept.id(0)), START);
    assert_eq!((numbers(&mut all), all.gap), (expected, None));
}

#[test]
fn a_ring_keeps_so_many_and_no_more() {
    for most in [0, 1, 2, 5] {
        let kept = kept(History::default().max_events(most));
        for last in 1..=4_u64 {
            kept.append(text("a"), START, |_| true);
            let from = last.saturating_sub(most as u64);
            for asked in 0..=last {
                let mut replay = kept.replay(Some(&kept.id(asked)), START);
                let is_gap = asked < from;
                let expected: Vec<u64> = (asked.max(from) + 1..=last).collect();
                assert_eq!(
                    numbers(&mut replay),
                    expected,
                    "{most} of {last} from {asked}"
                );
                assert_eq!(
                    replay.gap.is_some(),
                    is_gap,
                    "{most} of {last} from {asked}"
                );
                assert_eq!(replay.position, kept.id(asked.max(from)));
                assert_eq!(replay.missed.end, last + 1);
            }
        }
    }
}

#[test]
fn a_ring_keeps_so_many_bytes_and_no_more() {
    let sample = kept(History::default());
    sample.append(text("a"), START, |_| true);
    let cost = 32 + sample.pieces()[0].len();
    for most in [0, 1, cost - 1, cost, 3 * cost - 1, 3 * cost, usize::MAX] {
        let kept = kept(History::default().max_bytes(most));
        for last in 1..=5 {
            kept.append(text("a"), START, |_| true);
            let count = kept.pieces().len();
            assert_eq!(count, (most / cost).min(last), "{most} after {last}");
        }
    }
    let kept = kept(History::default().max_bytes(3 * cost));
    kept.append(text("a"), START, |_| true);
    kept.append(text(&"b".repeat(3 * cost)), START, |_| true);
    assert_eq!(kept.pieces().len(), 0, "nothing before a gap is kept");
    let mut replay = kept.replay(Some(&kept.id(0)), START);
    assert_eq!(
        (numbers(&mut replay), replay.gap),
        (vec![], Some("expired"))
    );
}

#[test]
fn what_is_pruned_before_it_is_read_is_a_gap() {
    let kept = kept(History::default().max_events(3));
    let append = || kept.append(text("a"), START, |_| true);
    (1..=3).for_each(|_| assert!(append()));
    let mut replay = kept.replay(Some(&kept.id(0)), START);
    assert!(replay.missed.advance().is_some());
    assert!(append());
    let mut just = kept.replay(Some(&kept.id(1)), START);
    assert_eq!(numbers(&mut just), [2, 3, 4]);
    assert!(append());
    assert_eq!(numbers(&mut replay), [0, 3], "the second has gone");
    let mut replay = kept.replay(Some(&kept.id(2)), START);
    (6..=9).for_each(|_| assert!(append()));
    assert_eq!(numbers(&mut replay), [0], "all have gone");
}

#[test]
fn what_nobody_uses_is_given_back_in_time() {
    let histories = Histories::default();
    let history = History::default().max_age(Duration::from_secs(10));
    let names: Vec<String> = (0..1000).map(|number| format!("room-{number}")).collect();
    for name in &names {
        histories
            .keep(name, history, START)
            .expect("it is in range");
        let kept = histories.of(name, START).expect("it is kept");
        kept.append(text("a"), START, |_| true);
    }
    let count = || {
        let all = histories.all.read().expect("nobody panics");
        all.in_turn
            .iter()
            .map(|kept| kept.pieces().len())
            .sum::<usize>()
    };
    for second in 1..=10 {
        histories.of(&names[0], at(second)).expect("it is kept");
    }
    assert_eq!(count(), 1000, "none is too old");
    for second in 11..11 + 1000_u64.div_ceil(SWEPT_AT_ONCE as u64) {
        histories.of(&names[0], at(second)).expect("it is kept");
    }
    assert_eq!(count(), 0);
    let kept = histories.of(&names[7], at(30)).expect("it is kept");
    assert_eq!(kept.replay(None, START).missed.end, 2, "numbers go on");
}

#[test]
fn a_history_that_is_dropped_takes_nothing() {
    let histories = Histories::default();
    assert!(!histories.forget("a"));
    let keep = || histories.keep("a", History::default(), START);
    keep().expect("it is in range");
    let old = histories.of("a", START).expect("it is kept");
    (1..=3).for_each(|_| assert!(old.append(text("a"), START, |_| true)));
    let mut replay = old.replay(Some(&old.id(0)), START);
    assert!(histories.forget("a"));
    assert_eq!(numbers(&mut replay), [0]);
    assert!(histories.of("a", START).is_none());
    // Who has it still.
    assert!(old.append(text("a"), START, |shipment| shipment.number().is_none()));
    assert_eq!(old.pieces().len(), 0);
    keep().expect("it is in range");
    let new = histories.of("a", START).expect("it is kept");
    assert!(new.append(text("a"), START, |shipment| shipment.number() == Some(4)));
    let mut replay = new.replay(Some(&old.id(2)), START);
    assert_eq!(
        (numbers(&mut replay), replay.gap),
        (vec![4], Some("restarted"))
    );
}

#[test]
fn so_many_topics_may_have_a_history() {
    let histories = Histories::default();
    let keep = |name: &str| histories.keep(name, History::default(), START);
    for number in 0..HISTORIES_MAX {
        keep(&number.to_string()).expect("there is room");
    }
    let error = keep("one more").expect_err("there is no room");
    assert_eq!(error.name(), "histories");
    keep("0").expect("it has one");
    assert!(histories.forget("0"));
    keep("one more").expect("there is room");
}

#[test]
fn two_histories_have_two_epochs() {
    let epochs = [(); 2].map(|()| kept(History::default()).epoch());
    assert_ne!(epochs[0], epochs[1]);
}
