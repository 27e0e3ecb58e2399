//! Both real drivers through one suite: what a reactor promises, on the kernel's own sockets.
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
                if <ringlane_reactor::Uring as crate::drivers::stand::RealRing>::is_here() {
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
mod draining;
mod ending;
mod operations;
mod receiving;
mod sandboxes;
mod sending;
mod stand;
mod starting;
mod waking;
