//! Benchmarks route lookups by number of routes, beside `matchit`.
//!
//! Two in five routes are static, the others have one parameter, last or inside. Each case is
//! measured twice: the same path over and over, when all that matters is in the nearest cache, and
//! the paths of all resources in turn, when much of it is not.
//!
//! Run: `cargo bench -p ringlane-bench --bench router`
//!
//! `matchit` knows no methods, no `405`, no escapes and no expressions, so it does less for each
//! lookup.

#![forbid(unsafe_code)]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::Method;
use ringlane_router::{Found, Params, Router, RouterBuilder};

const ROUTES: [usize; 3] = [10, 1_000, 10_000];
const ROUTES_PER_RESOURCE: usize = 5;

/// The paths of one case, all of them answered alike.
struct Case {
    name: &'static str,
    paths: Vec<String>,
    found: bool,
}

fn patterns(routes: usize) -> impl Iterator<Item = String> {
    (0..routes / ROUTES_PER_RESOURCE).flat_map(|n| {
        [
            format!("/api/v1/resource{n}/list"),
            format!("/api/v1/resource{n}/new"),
            format!("/api/v1/resource{n}/item/{{id}}"),
            format!("/api/v1/resource{n}/item/{{id}}/edit"),
            format!("/api/v1/resource{n}/item/{{id}}/history"),
        ]
    })
}

fn cases(routes: usize) -> [Case; 4] {
    let resources = routes / ROUTES_PER_RESOURCE;
    // A stride that visits every resource, in an order no prefetcher guesses.
    let shuffled = |n: usize| n * 7_919 % resources;
    let paths = |path: fn(usize) -> String| (0..resources).map(shuffled).map(path).collect();
    [
        Case {
            name: "static",
            paths: paths(|n| format!("/api/v1/resource{n}/list")),
            found: true,
        },
        Case {
            name: "one parameter",
            paths: paths(|n| format!("/api/v1/resource{n}/item/{}", n * 31)),
            found: true,
        },
        Case {
            name: "parameter inside",
            paths: paths(|n| format!("/api/v1/resource{n}/item/{}/edit", n * 31)),
            found: true,
        },
        Case {
            name: "miss",
            paths: paths(|n| format!("/api/v1/resource{n}/nothing")),
            found: false,
        },
    ]
}

fn ringlane(routes: usize) -> Router<usize> {
    let mut builder = RouterBuilder::new();
    for (value, pattern) in patterns(routes).enumerate() {
        builder.route(Method::GET, &pattern, value);
    }
    builder.build().expect("the patterns differ")
}

fn matchit(routes: usize) -> matchit::Router<usize> {
    let mut router = matchit::Router::new();
    for (value, pattern) in patterns(routes).enumerate() {
        router.insert(pattern, value).expect("the patterns differ");
    }
    router
}

fn lookups(criterion: &mut Criterion) {
    for routes in ROUTES {
        let router = ringlane(routes);
        let peer = matchit(routes);
        let mut params = Params::new();
        let mut ours = |path: &str| {
            let found = router.find(&Method::GET, black_box(path.as_bytes()), &mut params);
            matches!(black_box(found), Found::Route(_))
        };
        let mut theirs = |path: &str| black_box(peer.at(black_box(path))).is_ok();
        for case in cases(routes) {
            measure(criterion, &case, "ringlane", routes, &mut ours);
            measure(criterion, &case, "matchit", routes, &mut theirs);
        }
    }
}

fn measure(
    criterion: &mut Criterion,
    case: &Case,
    router: &str,
    routes: usize,
    find: &mut impl FnMut(&str) -> bool,
) {
    for (order, paths) in [("same path", &case.paths[..1]), ("all paths", &case.paths)] {
        let mut group = criterion.benchmark_group(format!("{}, {order}", case.name));
        let mut turn = paths.iter().cycle();
        group.bench_function(BenchmarkId::new(router, routes), |bencher| {
            bencher.iter(|| {
                let path = turn.next().expect("a cycle of paths does not end");
                assert_eq!(find(path), case.found, "{path}");
            });
        });
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = lookups
}
criterion_main!(benches);
