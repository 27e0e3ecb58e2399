//! The task that reads the server once a second and tells the pages that are open.
//!
//! Always true here:
//! - There is one at a time per dashboard, and it ends soon after the last page was closed.
//! - What could not be measured over a whole time is not told: the first reading is only compared
//!   with.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Board;
use super::reading::Reading;
use super::sample::Sample;
use crate::event_stream::Event;
use crate::status::Vitals;
use crate::time;
use crate::topics::Topics;

pub(super) const PERIOD: Duration = Duration::from_secs(1);
/// Seconds without a page after which it ends: a page that is loaded anew has no hole in its
/// charts.
pub(super) const ALONE_MAX: u32 = 5;

/// Publishes samples for as long as somebody follows.
pub(super) async fn run(board: Arc<Board>, topics: Topics, vitals: Arc<Vitals>) {
    let mut earlier = Reading::take(&board, &vitals).await;
    let mut next = time::now() + PERIOD;
    let mut alone = 0;
    loop {
        time::sleep_until(next).await;
        // A machine that is too busy for a sample each second has fewer, not several at once.
        next = (next + PERIOD).max(time::now() + PERIOD / 2);
        let reading = Reading::take(&board, &vitals).await;
        if let Ok(event) = Event::json(&Sample::between(&earlier, &reading)) {
            topics.publish(&board.topic, event.event("sample"));
        }
        earlier = reading;
        alone = match topics.subscribers(&board.topic) {
            0 => alone + 1,
            _ => 0,
        };
        if alone >= ALONE_MAX && has_ended(&board, &topics) {
            return;
        }
    }
}

/// Stops measuring, unless somebody came at the last moment and found a sampler at work.
fn has_ended(board: &Board, topics: &Topics) -> bool {
    board.is_watched.store(false, Ordering::SeqCst);
    topics.subscribers(&board.topic) == 0 || board.is_watched.swap(true, Ordering::SeqCst)
}
