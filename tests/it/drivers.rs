//! Tests both real drivers by one suite, on the kernel's own sockets.
//!
//! Every test here runs twice, over `io_uring` and over `epoll`. Where a machine has no `io_uring`
//! its half says so and passes; where the kernel allows it and it does not work, it fails.
//! `RINGLANE_TEST_DRIVER=epoll` leaves it out.
//!
//! Not here: the same promises under faults that no kernel makes on demand (`sim.rs`).

/// Makes each generic function a test of both drivers: `uring::name` and `epoll::name`.
macro_rules! on_both_drivers {
    ($($test:ident)*) => {
        mod uring {
            $(#[test]
            fn $test() {
                if crate::drivers::uring_is_here() {
                    super::$test::<ringlane_reactor::Uring>();
                }
            })*
        }

        mod epoll {
            $(#[test]
            fn $test() {
                super::$test::<ringlane_reactor::Epoll>();
            })*
        }
    };
}

mod accepting;
mod crowds;
mod deadlines;
mod draining;
mod ending;
mod operations;
mod pressure;
mod receiving;
mod sandboxes;
mod sending;
mod stand;
mod starting;
mod waking;

/// Whether this machine has io_uring. Fails where the kernel allows it and it does not work.
///
/// The kernel ends a ring a little after it was dropped, which interrupts what its thread waits for
/// (`EINTR`): so it is tried on another thread.
pub(crate) fn uring_is_here() -> bool {
    let tried = std::thread::spawn(<ringlane_reactor::Uring as stand::RealRing>::is_here);
    tried
        .join()
        .expect("io_uring works where the kernel allows it")
}
