//! All `unsafe` code: rings, their buffers, descriptors that are only numbers, packed wakers.
//!
//! Always true here:
//! - Every `unsafe` block carries its proof, and no function leaves one to its caller.
//! - Nothing above this module handles an address.

pub(crate) mod buffers;
mod entrance;
pub(crate) mod epoll;
pub(crate) mod socket;
pub(crate) mod uring;
pub(crate) mod waker;
