//! Values of a user's whose destructors may panic: such a panic ends here, and nothing else does.
//!
//! Always true here:
//! - No panic leaves these functions, whatever the destructor of its payload does.
//!
//! Not here: what a panic of a handler or a task means for it (`tasks.rs`, and the code above).

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Drops a value of a user's: a panic in its destructor is told by the panic hook and ends here.
///
/// For whatever code of a user's may have made: the shared bytes of an answer, the payload of a
/// panic, the result of a task. A value that holds several whose destructors panic ends the
/// process, as everywhere in Rust: drop those one by one.
///
/// ```
/// struct Bomb;
///
/// impl Drop for Bomb {
///     fn drop(&mut self) {
///         panic!("in a destructor");
///     }
/// }
///
/// ringlane_reactor::drop_caught(Bomb); // and it goes on
/// ```
#[inline]
pub fn drop_caught<T>(value: T) {
    let _ = contain(|| drop(value));
}

/// Runs code of a user's; `None` if it panicked.
///
/// ```
/// use ringlane_reactor::contain;
///
/// assert_eq!(contain(|| 7), Some(7));
/// assert_eq!(contain(|| -> u8 { panic!("told by the panic hook") }), None);
/// ```
#[inline]
pub fn contain<T>(run: impl FnOnce() -> T) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // It has a destructor of the user's; if that panics, it leaves another payload.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(payload);
            }
            None
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    use std::rc::Rc;

    /// Panics when it is dropped, with another of its kind.
    pub(crate) struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                std::panic::panic_any(Self);
            }
        }
    }

    #[test]
    fn a_destructor_that_panics_ends_nothing_else() {
        drop_caught(Bomb);
        let after = Rc::new(());
        drop_caught((Bomb, Rc::clone(&after)));
        assert_eq!(Rc::strong_count(&after), 1, "what came after it is dropped");
    }

    #[test]
    fn the_payload_of_a_panic_may_panic_too() {
        assert_eq!(contain(|| std::panic::panic_any(Bomb)), None::<()>);
        assert_eq!(contain(|| 7), Some(7));
    }
}
