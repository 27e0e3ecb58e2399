//! Every row of the article "Single Core High Concurrency" as a test over a socket: the example
//! `article` as a process, and what its clients get.
//!
//! A test is named for its row of the list that was made of the article's samples and claims. Where
//! the article's own code has a defect, the test wants what the article meant.
//!
//! Not here:
//! - of row 4, media types that are compressed already: `middleware/compression/tests.rs`;
//! - row 40: `bench/` measures with peers, and keeps what it measured;
//! - the pauses of row 58: `server/src/retry/tests.rs`, in simulated time;
//! - row 67: `tests/measured` counts allocations, and wants none;
//! - row 68: `layering/unsafety.rs`; a sanitizer's run is no test;
//! - row 71: WebAssembly and tools for microservices are no aim.

mod claims;
mod configuration;
mod context;
mod errors;
mod memory;
mod middleware;
mod performance;
mod process;
mod real_time;
mod routing;
mod sockets;
mod tokens;
mod troubleshooting;

use process::{Answer, Article};
