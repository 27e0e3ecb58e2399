//! Tasks: what goes on beside requests, on the same core.
//!
//! A task needs not be `Send`: it never leaves its core, and shares what the core's requests share.
//! A task that panics ends alone. When the core stops, its tasks are dropped where they wait.
//!
//! ```
//! use ringlane::Context;
//!
//! async fn register(ctx: Context) -> ringlane::Result<&'static str> {
//!     let name = ctx.body().text().await?;
//!     ringlane::spawn(async move {
//!         ringlane::time::sleep(std::time::Duration::from_secs(1)).await;
//!         println!("a letter to {name} is on its way");
//!     });
//!     Ok("you will get a letter")
//! }
//! ```
//!
//! Not here: work that would block the core ([`blocking`](crate::blocking())).

pub use ringlane_reactor::{Task, TaskError, spawn};
