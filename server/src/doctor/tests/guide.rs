//! The guide and doctor agree: every knob has its section, with the same default, the same wanted
//! values and the same commands.
