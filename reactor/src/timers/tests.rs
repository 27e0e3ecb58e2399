//! The wheel beside a plain list that fires what is due.

use super::*;

const TICK_NANOS: u64 = 1 << TICK_BITS;

fn at(ticks: u64, nanos: u64) -> Instant {
    Instant::from_nanos(ticks * TICK_NANOS + nanos)
}

fn due(wheel: &mut Wheel, now: Instant) -> Vec<usize> {
    let mut fired: Vec<_> = std::iter::from_fn(|| wheel.pop_due(now)).collect();
    fired.sort_unstable();
    fired
}

#[test]
fn a_deadline_never_fires_early_and_at_most_a_tick_late() {
    for nanos in [0, 1, TICK_NANOS / 2, TICK_NANOS - 1] {
        let mut wheel = Wheel::new(at(100, 0));
        let deadline = at(110, nanos);
        wheel.arm(3, deadline);
        assert_eq!(
            due(&mut wheel, Instant::from_nanos(deadline.as_nanos() - 1)),
            []
        );
        assert_eq!(due(&mut wheel, deadline + TICK), [3]);
        assert_eq!(due(&mut wheel, deadline + TICK * 1000), []);
    }
}

#[test]
fn moving_later_costs_nothing_and_moving_sooner_is_obeyed() {
    let mut wheel = Wheel::new(at(0, 0));
    wheel.arm(0, at(50, 0));
    wheel.arm(0, at(90, 0));
    assert_eq!(
        due(&mut wheel, at(51, 0)),
        [0],
        "looked at when the first time comes"
    );
    wheel.arm(0, at(90, 0));
    wheel.arm(0, at(60, 0));
    assert_eq!(due(&mut wheel, at(61, 0)), [0]);
    assert_eq!(wheel.next(), None);
}

#[test]
fn far_deadlines_are_looked_at_once_a_round() {
    let mut wheel = Wheel::new(at(0, 0));
    let far = at(3 * BUCKETS as u64, 0);
    wheel.arm(1, far);
    let mut looks = 0;
    for tick in 0..=3 * BUCKETS as u64 + 1 {
        for slot in due(&mut wheel, at(tick, 0)) {
            looks += 1;
            if at(tick, 0) < far {
                wheel.arm(slot, far);
            }
        }
    }
    assert!((4..=5).contains(&looks), "{looks} looks");
}

#[test]
fn a_long_sleep_loses_nothing() {
    let mut wheel = Wheel::new(at(7, 0));
    for slot in 0..2000 {
        wheel.arm(slot, at(7 + slot as u64, 0));
    }
    wheel.disarm(5);
    let fired = due(&mut wheel, at(100_000, 0));
    assert_eq!(
        fired,
        (0..2000).filter(|&slot| slot != 5).collect::<Vec<_>>()
    );
}

#[test]
fn the_wheel_agrees_with_a_list() {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = move |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut now = at(1000, 0);
    let mut wheel = Wheel::new(now);
    let mut list = vec![Instant::NEVER; 64];
    let mut looked_at = list.clone();
    for _ in 0..50_000 {
        let slot = draw(64) as usize;
        match draw(4) {
            0 | 1 => {
                list[slot] = now + Duration::from_nanos(draw(700 * TICK_NANOS));
                if list[slot] < looked_at[slot] {
                    looked_at[slot] = wheel.arm(slot, list[slot]);
                }
            }
            2 => {
                list[slot] = Instant::NEVER;
                looked_at[slot] = Instant::NEVER;
                wheel.disarm(slot);
            }
            _ => {
                let sleep = Duration::from_nanos(draw(40 * TICK_NANOS));
                let next = wheel.next();
                now = now + sleep;
                for slot in due(&mut wheel, now) {
                    assert!(next.is_some_and(|next| next <= now), "it slept too long");
                    looked_at[slot] = match list[slot] {
                        deadline if deadline <= now => Instant::NEVER,
                        deadline => wheel.arm(slot, deadline),
                    };
                    if looked_at[slot] == Instant::NEVER {
                        list[slot] = Instant::NEVER;
                    }
                }
                let late = list
                    .iter()
                    .filter(|&&deadline| deadline + TICK <= now)
                    .count();
                assert_eq!(late, 0, "a deadline was forgotten");
            }
        }
    }
}

#[test]
fn after_a_long_idle_time_a_deadline_is_looked_at_once() {
    let mut wheel = Wheel::new(at(0, 0));
    let hours_later = 100 * BUCKETS as u64;
    wheel.catch_up(at(hours_later, 0));
    let looked_at = wheel.arm(3, at(hours_later + 10, 0));
    assert!(looked_at >= at(hours_later + 10, 0), "not round by round");
    assert_eq!(due(&mut wheel, at(hours_later + 9, 0)), []);
    wheel.catch_up(at(hours_later + 20, 0));
    assert_eq!(due(&mut wheel, at(hours_later + 20, 0)), [3], "not skipped");
}
