//! Lists of CPUs, and what follows from them, from the allowed CPUs and from a quota.

use super::*;

#[track_caller]
fn check_list(text: &str, expected: Result<&[usize], &str>) {
    match (text.parse::<CpuList>(), expected) {
        (Ok(list), Ok(expected)) => assert_eq!(list.cpus(), expected, "{text}"),
        (Err(error), Err(expected)) => {
            let error = error.to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        (found, expected) => panic!("{text}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn lists_of_cpus_are_read_and_what_is_wrong_with_them_is_said() {
    check_list("0", Ok(&[0]));
    check_list("2-5,7", Ok(&[2, 3, 4, 5, 7]));
    check_list("7,2-3", Ok(&[7, 2, 3]));
    check_list("3-3, 1023", Ok(&[3, 1023]));
    check_list("", Err("it is empty"));
    check_list(" ", Err("it is empty"));
    check_list("5-2", Err("5-2 is reversed"));
    check_list("2-5,4", Err("CPU 4 is there twice"));
    check_list("1024", Err("CPU 1024 is above 1023"));
    check_list("0-4000000000", Err("is above 1023"));
    check_list("1,,2", Err("`` is no number"));
    check_list("a", Err("`a` is no number"));
    check_list("-3", Err("`` is no number"));
    check_list("1-2-3", Err("`2-3` is no number"));
    check_list("99999999999999999999", Err("is no number"));
}

#[test]
fn ranges_are_written_as_they_are_read() {
    for text in ["0", "0-1", "2-5,7", "7,2-3", "1,3,5-6"] {
        let list: CpuList = text.parse().expect("a list");
        assert_eq!(Ranges(list.cpus()).to_string(), text);
    }
}

const NOTHING: Wish<'_> = Wish {
    workers: None,
    cpus: None,
    unpinned: false,
};

/// Checks how many workers there are, and the CPUs that they are pinned to.
#[track_caller]
fn check_plan(wish: Wish<'_>, quota: Option<Quota>, workers: usize, pins: Option<&[usize]>) {
    let plan = plan(wish, vec![1, 2, 5, 6], quota).expect("a plan");
    assert_eq!(plan.workers, workers, "{plan:?}");
    assert_eq!(plan.pins.as_deref(), pins, "{plan:?}");
}

#[test]
fn workers_are_pinned_if_each_allowed_cpu_has_one() {
    let all: &[usize] = &[1, 2, 5, 6];
    check_plan(NOTHING, None, 4, Some(all));
    let count = |count| Wish {
        workers: Some(count),
        ..NOTHING
    };
    check_plan(count(4), None, 4, Some(all));
    check_plan(count(3), None, 3, None);
    check_plan(count(1), None, 1, None);
    check_plan(count(5), None, 5, None);
    let unpinned = Wish {
        unpinned: true,
        ..NOTHING
    };
    check_plan(unpinned, None, 4, None);
}

#[test]
fn a_quota_sets_the_default_and_only_that() {
    let quota = |time| Some(Quota::new(time, 100));
    check_plan(NOTHING, quota(10), 1, None);
    check_plan(NOTHING, quota(250), 3, None);
    check_plan(NOTHING, quota(300), 3, None);
    let all: &[usize] = &[1, 2, 5, 6];
    check_plan(NOTHING, quota(301), 4, Some(all));
    check_plan(NOTHING, quota(6400), 4, Some(all));
    let four = Wish {
        workers: Some(4),
        ..NOTHING
    };
    check_plan(four, quota(100), 4, Some(all));
}

#[test]
fn cpus_that_are_named_get_a_worker_each() {
    let list: CpuList = "5,1-2".parse().expect("a list");
    let named = Wish {
        cpus: Some(&list),
        ..NOTHING
    };
    let pins: &[usize] = &[5, 1, 2];
    check_plan(named, None, 3, Some(pins));
    check_plan(named, Some(Quota::new(100, 100)), 3, Some(pins));
    let count = |count| Wish {
        workers: Some(count),
        ..named
    };
    check_plan(count(3), None, 3, Some(pins));
    let error = |wish, allowed: &[usize]| plan(wish, allowed.to_vec(), None);
    assert_eq!(
        error(count(2), &[1, 2, 5]),
        Err(PlanError::Count(2, 3)),
        "which of the three?"
    );
    assert_eq!(
        error(named, &[0, 1, 5]),
        Err(PlanError::NotAllowed(2, vec![0, 1, 5]))
    );
}

#[test]
fn the_reason_for_the_number_is_said() {
    let why = |wish, quota| plan(wish, vec![0, 1], quota).expect("a plan").why;
    assert_eq!(why(NOTHING, None), "one for each allowed CPU");
    let half = Some(Quota::new(50, 100));
    assert_eq!(why(NOTHING, half), "a CPU quota of 0.50");
    let one = Wish {
        workers: Some(1),
        ..NOTHING
    };
    assert_eq!(why(one, half), "as asked");
    let list: CpuList = "0-1".parse().expect("a list");
    let named = Wish {
        cpus: Some(&list),
        ..NOTHING
    };
    assert_eq!(why(named, half), "CPUs 0-1 as asked");
}
