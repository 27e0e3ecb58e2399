//! Tests the example `article` as a process, over sockets: every sample and claim of the article
//! "Single Core High Concurrency" (`docs/from-hyperlane.md`).
//!
//! Where the article's own code has a defect, the test wants what the article meant.
//!
//! Not here:
//! - media types that are compressed already: `middleware/compression/tests.rs`;
//! - throughput beside other servers: `bench/`;
//! - pauses between retries: `server/src/retry/tests.rs`, in simulated time;
//! - requests that allocate nothing: `tests/measured`;
//! - where `unsafe` may stand: `layering/unsafety.rs`.

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
