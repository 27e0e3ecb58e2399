//! A waker that is one word and owns nothing.
//!
//! Not here: what the word means and what waking does (`wake.rs`).

use std::ptr::without_provenance;
use std::task::{RawWaker, RawWakerVTable, Waker};

use crate::wake::Name;

const VTABLE: RawWakerVTable = RawWakerVTable::new(
    |data| RawWaker::new(data, &VTABLE),
    |data| Name::unpack(data.addr()).wake(),
    |data| Name::unpack(data.addr()).wake(),
    |_| {},
);

/// A waker for `name`. Cloning and dropping it cost nothing.
pub(crate) fn packed(name: Name) -> Waker {
    // SAFETY: the data pointer is an integer without provenance that no function of the table ever
    // dereferences, so no call can touch freed memory; copying the integer is a valid clone and
    // dropping it is nothing, so the ownership rules of `RawWaker` hold trivially; `Name::wake` is
    // a plain function that may be called on any thread at any time.
    unsafe { Waker::new(without_provenance(name.pack()), &VTABLE) }
}

const _: () = assert!(size_of::<usize>() == 8, "a name needs 43 bits");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wake::Place;

    #[test]
    fn wakers_of_one_name_are_the_same_waker() {
        let name = Name {
            core: 1023,
            place: Place::Task(u32::MAX),
        };
        let waker = packed(name);
        let other = packed(Name {
            core: 1023,
            place: Place::Connection(u32::MAX),
        });
        assert!(waker.clone().will_wake(&waker));
        assert!(!waker.will_wake(&other));
        std::thread::spawn(move || waker.wake())
            .join()
            .expect("waking a core that is not there");
    }
}
