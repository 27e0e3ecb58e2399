//! The ring by itself: numbers, limits, and several threads at once.

use super::*;
use crate::websocket::Message;

fn text(text: &str) -> Publication<'static> {
    Publication::Message(Message::from(text.to_owned()))
}

fn kept(history: History) -> Arc<Kept> {
    let histories = Histories::default();
    histories.keep("a", history);
    histories.of("a").expect("it is kept")
}

fn numbers(replay: &Replay) -> Vec<u64> {
    let shipments = replay.shipments.iter();
    shipments.filter_map(|shipment| shipment.number()).collect()
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
                    kept.append(text("a"), Instant::from_nanos(0), |shipment| {
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
    let all = kept.replay(Some(&kept.id(0)), Instant::from_nanos(0));
    assert_eq!((numbers(&all), all.gap), (expected, None));
}

#[test]
fn a_ring_keeps_so_many_and_no_more() {
    let at = Instant::from_nanos(0);
    for most in [0, 1, 2, 5] {
        let kept = kept(History::default().max_events(most));
        for last in 1..=4_u64 {
            kept.append(text("a"), at, |_| true);
            let from = last.saturating_sub(most as u64);
            for asked in 0..=last {
                let replay = kept.replay(Some(&kept.id(asked)), at);
                let is_gap = asked < from;
                let expected: Vec<u64> = (asked.max(from) + 1..=last).collect();
                assert_eq!(numbers(&replay), expected, "{most} of {last} from {asked}");
                assert_eq!(
                    replay.gap.is_some(),
                    is_gap,
                    "{most} of {last} from {asked}"
                );
                assert_eq!(replay.position, kept.id(asked.max(from)));
                assert_eq!(replay.next, last + 1);
            }
        }
    }
}

#[test]
fn two_servers_have_two_epochs() {
    let epochs = [Histories::default().epoch, Histories::default().epoch];
    assert_ne!(epochs[0], epochs[1]);
}
