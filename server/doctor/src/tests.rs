//! Doctor on faked machines: every knob's good and bad states, files that hold nonsense, the forms
//! of its output, and the guide that must agree with it.

mod cases;
pub(super) mod fake;
mod guide;
mod nonsense;
mod output;
mod rings;
mod scripts;
